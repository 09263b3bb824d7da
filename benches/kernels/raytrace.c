// f32 arithmetic with square roots, on structures in memory.
typedef struct { float x, y, z; } vec;
static vec sub(vec a, vec b) { return (vec){ a.x - b.x, a.y - b.y, a.z - b.z }; }
static vec scale(vec a, float s) { return (vec){ a.x * s, a.y * s, a.z * s }; }
static float dot(vec a, vec b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static struct { vec center; float radius; } spheres[8];
static __attribute__((noinline)) float hit(vec from, vec dir, int *which) {
    float best = 1e9f;
    for (int i = 0; i < 8; i++) {
        vec to = sub(spheres[i].center, from);
        float along = dot(to, dir), d = dot(to, to) - along * along, r = spheres[i].radius;
        if (d > r * r) continue;
        float t = along - __builtin_sqrtf(r * r - d);
        if (t > 1e-3f && t < best) { best = t; *which = i; }
    }
    return best;
}
int run(int size) {
    unsigned sum = 0;
    for (int i = 0; i < 8; i++) {
        spheres[i].center = (vec){ (i % 3) - 1.0f, (i / 3) - 1.0f, 4.0f + 0.5f * i };
        spheres[i].radius = 0.6f;
    }
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++) {
            vec from = { 0, 0, 0 }, dir = { 2.0f * x / size - 1, 2.0f * y / size - 1, 2 };
            dir = scale(dir, 1 / __builtin_sqrtf(dot(dir, dir)));
            float light = 0, weight = 1;
            for (int bounce = 0; bounce < 3; bounce++) {
                int which = 0;
                float t = hit(from, dir, &which);
                if (t >= 1e9f) { light += weight * (0.5f + 0.5f * dir.y); break; }
                from = sub(from, scale(dir, -t));
                vec n = scale(sub(from, spheres[which].center), 1 / spheres[which].radius);
                dir = sub(dir, scale(n, 2 * dot(dir, n)));
                weight *= 0.7f;
            }
            sum += (unsigned)(light * 255);
        }
    return sum;
}
