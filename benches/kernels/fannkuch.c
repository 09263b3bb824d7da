// Permutations: short loops over small arrays.
int run(int n) {
    int perm[16], first[16], count[16], flips = 0, checksum = 0, r = n, sign = 0;
    for (int i = 0; i < n; i++) first[i] = i;
    for (;;) {
        for (; r != 1; r--) count[r - 1] = r;
        for (int i = 0; i < n; i++) perm[i] = first[i];
        int now = 0;
        for (int k = perm[0]; k; k = perm[0], now++)
            for (int i = 0, j = k; i < j; i++, j--) {
                int t = perm[i]; perm[i] = perm[j]; perm[j] = t;
            }
        if (now > flips) flips = now;
        checksum += sign ? -now : now;
        for (;;) {
            if (r == n) return checksum * 100 + flips;
            int t = first[0];
            for (int i = 0; i < r; i++) first[i] = first[i + 1];
            first[r] = t;
            if (--count[r] > 0) break;
            r++;
        }
        sign = !sign;
    }
}
