// Counts words of standard input, or of the files named as arguments, and prints the most
// frequent ones. Uses arguments, files, the allocator, sorting and formatted output.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    char *word;
    unsigned long count;
    struct entry *next;
};

enum { BUCKETS = 4096, SHOWN = 10, LONGEST = 64 };

static struct entry *buckets[BUCKETS];
static size_t distinct, total;

static unsigned hash(const char *word) {
    unsigned value = 2166136261u;
    while (*word)
        value = (value ^ (unsigned char)*word++) * 16777619u;
    return value % BUCKETS;
}

static void add(const char *word) {
    struct entry **slot = &buckets[hash(word)];
    total++;
    for (struct entry *entry = *slot; entry; entry = entry->next) {
        if (strcmp(entry->word, word) == 0) {
            entry->count++;
            return;
        }
    }
    struct entry *entry = malloc(sizeof *entry);
    if (!entry)
        abort();
    entry->word = strdup(word);
    entry->count = 1;
    entry->next = *slot;
    *slot = entry;
    distinct++;
}

static void read_words(FILE *file) {
    char word[LONGEST + 1];
    size_t length = 0;
    int c;
    while ((c = getc(file)) != EOF) {
        if (isalpha(c)) {
            if (length < LONGEST)
                word[length++] = (char)tolower(c);
        } else if (length) {
            word[length] = 0;
            add(word);
            length = 0;
        }
    }
    if (length) {
        word[length] = 0;
        add(word);
    }
}

static int by_count(const void *a, const void *b) {
    const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return strcmp(x->word, y->word);
}

int main(int argc, char **argv) {
    if (argc < 2)
        read_words(stdin);
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "r");
        if (!file) {
            perror(argv[i]);
            return 1;
        }
        read_words(file);
        fclose(file);
    }
    struct entry **all = malloc((distinct + 1) * sizeof *all);
    size_t n = 0;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct entry *entry = buckets[i]; entry; entry = entry->next)
            all[n++] = entry;
    qsort(all, n, sizeof *all, by_count);
    printf("%zu words, %zu different\n", total, distinct);
    for (size_t i = 0; i < n && i < SHOWN; i++)
        printf("%6lu %s\n", all[i]->count, all[i]->word);
    return 0;
}
