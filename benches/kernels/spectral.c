// f64 with divisions, and integer to float conversions.
static double u[512], v[512], w[512];
static double element(int i, int j) { return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1); }
static void times(int n, const double *from, double *to, int transposed) {
    for (int i = 0; i < n; i++) {
        to[i] = 0;
        for (int j = 0; j < n; j++) to[i] += (transposed ? element(j, i) : element(i, j)) * from[j];
    }
}
int run(int n) {
    double vv = 0, uv = 0;
    for (int i = 0; i < n; i++) u[i] = 1;
    for (int i = 0; i < 10; i++) {
        times(n, u, w, 0); times(n, w, v, 1);
        times(n, v, w, 0); times(n, w, u, 1);
    }
    for (int i = 0; i < n; i++) { uv += u[i] * v[i]; vv += v[i] * v[i]; }
    return (int)(uv / vv * 1e8);
}
