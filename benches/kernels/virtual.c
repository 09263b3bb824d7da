// Calls through pointers to functions, that is, `call_indirect`.
typedef int (*shape)(int, int);
static int square(int a, int b) { return a * a + b; }
static int twist(int a, int b) { return (a ^ b) * 5; }
static int step(int a, int b) { return a + (b >> 3); }
static int turn(int a, int b) { return a << 7 | (unsigned)b >> 25; }
static shape shapes[4] = { square, twist, step, turn };
int run(int rounds) {
    int a = 1;
    for (int i = 0; i < rounds; i++) a = shapes[(a ^ i) & 3](a, i);
    return a;
}
