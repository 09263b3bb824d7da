// A cellular automaton on bytes.
static unsigned char cells[2][256 * 256];
int run(int steps) {
    unsigned x = 7, alive = 0;
    for (int i = 0; i < 256 * 256; i++) { x = x * 1664525 + 1013904223; cells[0][i] = x >> 31; }
    for (int s = 0; s < steps; s++) {
        const unsigned char *from = cells[s & 1];
        unsigned char *to = cells[~s & 1];
        for (int y = 0; y < 256; y++)
            for (int c = 0; c < 256; c++) {
                int up = (y + 255 & 255) * 256, at = y * 256, down = (y + 1 & 255) * 256;
                int l = c + 255 & 255, r = c + 1 & 255;
                int n = from[up + l] + from[up + c] + from[up + r] + from[at + l] + from[at + r]
                    + from[down + l] + from[down + c] + from[down + r];
                to[at + c] = n == 3 || (n == 2 && from[at + c]);
            }
    }
    for (int i = 0; i < 256 * 256; i++) alive += cells[steps & 1][i];
    return alive;
}
