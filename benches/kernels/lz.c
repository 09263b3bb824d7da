// A compressor of the LZ77 family: bytes, hashes and copies.
static unsigned char text[1 << 16], packed[1 << 17], back[1 << 16];
static unsigned short table[1 << 12];
static unsigned word(const unsigned char *at) {
    return at[0] | at[1] << 8 | at[2] << 16 | (unsigned)at[3] << 24;
}
static int pack(int len) {
    int out = 0, literal = 0, i = 0;
    for (int k = 0; k < 1 << 12; k++) table[k] = 0;
    while (i + 4 < len) {
        unsigned hash = word(text + i) * 2654435761u >> 20;
        int from = table[hash], match = 0;
        table[hash] = i;
        if (from < i) while (match < 255 && i + match < len && text[from + match] == text[i + match]) match++;
        if (match < 4) { i++; literal++; continue; }
        while (literal) {
            int n = literal < 127 ? literal : 127;
            packed[out++] = n;
            for (int k = 0; k < n; k++) packed[out++] = text[i - literal + k];
            literal -= n;
        }
        packed[out++] = 128; packed[out++] = match;
        packed[out++] = from; packed[out++] = from >> 8;
        i += match;
    }
    packed[out++] = 0;
    return out;
}
static int unpack(void) {
    int in = 0, out = 0;
    for (;;) {
        int n = packed[in++];
        if (!n) return out;
        if (n < 128) { while (n--) back[out++] = packed[in++]; continue; }
        int match = packed[in++], from = packed[in] | packed[in + 1] << 8;
        in += 2;
        for (int k = 0; k < match; k++) back[out++] = back[from + k];
    }
}
int run(int rounds) {
    unsigned x = 1, sum = 0;
    for (int i = 0; i < 1 << 16; i++) {
        x = x * 1664525 + 1013904223;
        text[i] = i > 600 && x >> 29 ? text[i - 1 - (x >> 24 & 3) * 150] : x >> 16 & 31;
    }
    while (rounds--) {
        int n = pack(65000);
        int m = unpack();
        for (int i = 0; i < m; i++) sum += back[i] != text[i];
        sum = sum * 31 + n + m;
    }
    return sum;
}
