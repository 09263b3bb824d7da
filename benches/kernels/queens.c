// Recursion and bits.
static int place(int all, int columns, int left, int right) {
    int count = 0;
    if (columns == all) return 1;
    for (int free = all & ~(columns | left | right); free; free &= free - 1) {
        int bit = free & -free;
        count += place(all, columns | bit, (left | bit) << 1, (right | bit) >> 1);
    }
    return count;
}
int run(int n) { return place((1 << n) - 1, 0, 0, 0); }
