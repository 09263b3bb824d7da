// What embedded benchmarks are made of: a linked list that is sorted, searched and reversed, a
// small matrix, a state machine that scans text, and a checksum over all of it.
typedef struct node { struct node *next; int key, value; } node;
static node pool[256];
static short matrix[3][16 * 16];
static const char *const texts[8] = { "5012", "-874", "+122", "35.54400", ".1234500", "-110.700",
                                      "T0.3e-1F", "5.500e+3" };

static unsigned short crc(unsigned value, unsigned short sum) {
    for (int i = 0; i < 16; i++, value >>= 1) {
        int carry = (sum ^ value) & 1;
        sum >>= 1;
        if (carry) sum ^= 0xa001;
    }
    return sum;
}

static node *merge_sort(node *list) {
    for (int size = 1;; size *= 2) {
        node *left = list, *tail = 0;
        int merges = 0;
        list = 0;
        while (left) {
            node *right = left;
            int lefts = 0, rights = size;
            merges++;
            for (; lefts < size && right; lefts++) right = right->next;
            while (lefts > 0 || (rights > 0 && right)) {
                node *next;
                if (lefts && (!rights || !right || left->key <= right->key)) {
                    next = left; left = left->next; lefts--;
                } else {
                    next = right; right = right->next; rights--;
                }
                if (tail) tail->next = next; else list = next;
                tail = next;
            }
            left = right;
        }
        if (tail) tail->next = 0;
        if (merges <= 1) return list;
    }
}

static unsigned short list_round(unsigned seed, unsigned short sum) {
    for (int i = 0; i < 256; i++) {
        seed = seed * 1103515245 + 12345;
        pool[i].key = seed >> 16 & 0x7fff;
        pool[i].value = i;
        pool[i].next = i < 255 ? &pool[i + 1] : 0;
    }
    node *list = merge_sort(pool), *reversed = 0;
    while (list) {
        node *next = list->next;
        list->next = reversed; reversed = list; list = next;
    }
    for (int i = 0; i < 20; i++) {
        node *at = reversed;
        while (at && at->value != (i * 13 & 255)) at = at->next;
        sum = crc(at ? at->key : 0, sum);
    }
    return sum;
}

static unsigned short matrix_round(int seed, unsigned short sum) {
    for (int i = 0; i < 256; i++) { matrix[0][i] = i * seed; matrix[1][i] = i ^ seed; }
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 16; j++) {
            int total = 0;
            for (int k = 0; k < 16; k++) total += matrix[0][i * 16 + k] * matrix[1][k * 16 + j];
            matrix[2][i * 16 + j] = total >> 2 & 0x7f;
        }
    for (int i = 0; i < 256; i += 16) sum = crc(matrix[2][i], sum);
    return sum;
}

enum state { START, SIGN, INT, DOT, EXP, EXP_SIGN, EXP_INT, BAD };

static unsigned short state_round(unsigned short sum) {
    int counts[8] = { 0 };
    for (int i = 0; i < 8; i++) {
        enum state state = START;
        for (const char *at = texts[i]; *at; at++) {
            char c = *at;
            int digit = c >= '0' && c <= '9';
            switch (state) {
            case START: state = digit ? INT : c == '+' || c == '-' ? SIGN : c == '.' ? DOT : BAD; break;
            case SIGN: state = digit ? INT : c == '.' ? DOT : BAD; break;
            case INT: state = digit ? INT : c == '.' ? DOT : c == 'e' ? EXP : BAD; break;
            case DOT: state = digit ? DOT : c == 'e' ? EXP : BAD; break;
            case EXP: state = digit ? EXP_INT : c == '+' || c == '-' ? EXP_SIGN : BAD; break;
            case EXP_SIGN: case EXP_INT: state = digit ? EXP_INT : BAD; break;
            case BAD: break;
            }
            counts[state]++;
        }
    }
    for (int i = 0; i < 8; i++) sum = crc(counts[i], sum);
    return sum;
}

int run(int rounds) {
    unsigned short sum = 0;
    for (int i = 1; i <= rounds; i++) {
        sum = list_round(i, sum);
        sum = matrix_round(i, sum);
        for (int j = 0; j < 16; j++) sum = state_round(sum);
    }
    return sum;
}
