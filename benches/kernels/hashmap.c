// A hash table with 64-bit keys, filled, searched and emptied.
static struct { unsigned long long key; int value; } slots[1 << 16];
static unsigned slot(unsigned long long key) {
    key *= 0x9e3779b97f4a7c15;
    unsigned at = key >> 48;
    while (slots[at].key && slots[at].key * 0x9e3779b97f4a7c15 != key) at = (at + 1) & 0xffff;
    return at;
}
int run(int rounds) {
    unsigned long long x = 88172645463325252;
    int sum = 0;
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < 1 << 16; i++) slots[i].key = slots[i].value = 0;
        for (int i = 0; i < 40000; i++) {
            x ^= x << 13; x ^= x >> 7; x ^= x << 17;
            unsigned long long key = x % 60000 + 1;
            unsigned at = slot(key);
            slots[at].key = key;
            slots[at].value += i;
        }
        for (int i = 1; i <= 60000; i++) {
            unsigned at = slot(i);
            if (slots[at].key) sum += slots[at].value;
        }
    }
    return sum;
}
