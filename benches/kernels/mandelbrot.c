// f64 arithmetic in a loop of few locals.
int run(int size) {
    int inside = 0;
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++) {
            double cr = 3.0 * x / size - 2.25, ci = 2.5 * y / size - 1.25, zr = 0, zi = 0;
            int n = 0;
            for (; n < 100 && zr * zr + zi * zi < 4.0; n++) {
                double t = zr * zr - zi * zi + cr;
                zi = 2.0 * zr * zi + ci;
                zr = t;
            }
            inside += n == 100;
        }
    return inside;
}
