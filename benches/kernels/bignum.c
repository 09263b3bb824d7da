// 64-bit multiplications with carries: a factorial in base 2^32.
static unsigned digits[4096];
int run(int n) {
    int len = 1;
    unsigned sum = 0;
    digits[0] = 1;
    for (int i = 2; i <= n; i++) {
        unsigned long long carry = 0;
        for (int k = 0; k < len; k++) {
            carry += (unsigned long long)digits[k] * i;
            digits[k] = carry;
            carry >>= 32;
        }
        if (carry) digits[len++] = carry;
    }
    for (int k = 0; k < len; k++) sum = sum * 31 + digits[k];
    return sum;
}
