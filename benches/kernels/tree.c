// Pointers: a binary tree that grows at random and is walked by recursion.
typedef struct tree { struct tree *left, *right; int key; } tree;
static tree pool[40000];
static int sum_of(const tree *at, int depth) {
    return at ? at->key * depth + sum_of(at->left, depth + 1) + sum_of(at->right, depth + 1) : 0;
}
int run(int rounds) {
    unsigned x = 3, sum = 0;
    while (rounds--) {
        tree *root = 0;
        for (int i = 0; i < 40000; i++) {
            x = x * 1664525 + 1013904223;
            tree **at = &root, *new = &pool[i];
            new->key = x >> 8; new->left = new->right = 0;
            while (*at) at = new->key < (*at)->key ? &(*at)->left : &(*at)->right;
            *at = new;
        }
        sum += sum_of(root, 1);
    }
    return sum;
}
