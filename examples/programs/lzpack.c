// Compresses (`lzpack IN OUT`) or unpacks (`lzpack -d IN OUT`) a file by replacing what came
// before within 64 KiB with a distance and a length. Uses files for reading and writing, large
// static arrays, and 64-bit arithmetic for its checksum.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 1 << 16, SHORTEST = 4, LONGEST = SHORTEST + 255, HASHES = 1 << 15, TRIES = 32 };

static const char MAGIC[4] = "LZP1";

struct buffer {
    uint8_t *bytes;
    size_t length, room;
};

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "lzpack: %s\n", what);
    exit(1);
}

static void push(struct buffer *buffer, uint8_t byte) {
    if (buffer->length == buffer->room) {
        buffer->room = buffer->room ? buffer->room * 2 : 4096;
        buffer->bytes = realloc(buffer->bytes, buffer->room);
        if (!buffer->bytes)
            fail("out of memory");
    }
    buffer->bytes[buffer->length++] = byte;
}

static void push_number(struct buffer *buffer, uint64_t number, int bytes) {
    for (int i = 0; i < bytes; i++)
        push(buffer, (uint8_t)(number >> (8 * i)));
}

static uint64_t checksum(const struct buffer *buffer) {
    uint64_t sum = 14695981039346656037u;
    for (size_t i = 0; i < buffer->length; i++)
        sum = (sum ^ buffer->bytes[i]) * 1099511628211u;
    return sum;
}

static uint32_t hash(const uint8_t *at) {
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word * 2654435761u >> 17;
}

static int64_t newest[HASHES], earlier[WINDOW];

// The longest match for what stands at `at`, and how far back it begins.
static size_t longest(const struct buffer *in, size_t at, size_t *distance) {
    size_t best = 0, most = in->length - at < LONGEST ? in->length - at : LONGEST;
    int64_t candidate = newest[hash(in->bytes + at)];
    for (int tries = 0; tries < TRIES && candidate >= 0; tries++) {
        if (at - (size_t)candidate >= WINDOW)
            break;
        size_t length = 0;
        while (length < most && in->bytes[candidate + length] == in->bytes[at + length])
            length++;
        if (length > best) {
            best = length;
            *distance = at - (size_t)candidate;
        }
        candidate = earlier[candidate % WINDOW];
    }
    return best;
}

// Groups of eight items follow a byte whose bits tell matches from literals.
static void pack(const struct buffer *in, struct buffer *out) {
    for (size_t i = 0; i < 4; i++)
        push(out, (uint8_t)MAGIC[i]);
    push_number(out, in->length, 8);
    push_number(out, checksum(in), 8);
    memset(newest, 0xff, sizeof newest);
    size_t flags = 0;
    int item = 8;
    for (size_t at = 0; at < in->length;) {
        if (item == 8) {
            flags = out->length;
            push(out, 0);
            item = 0;
        }
        size_t distance = 0, length = 0;
        if (in->length - at >= SHORTEST)
            length = longest(in, at, &distance);
        if (length >= SHORTEST) {
            out->bytes[flags] |= (uint8_t)(1 << item);
            push_number(out, distance, 2);
            push(out, (uint8_t)(length - SHORTEST));
        } else {
            length = 1;
            push(out, in->bytes[at]);
        }
        for (; length; length--, at++) {
            if (in->length - at < SHORTEST)
                continue;
            uint32_t slot = hash(in->bytes + at);
            earlier[at % WINDOW] = newest[slot];
            newest[slot] = (int64_t)at;
        }
        item++;
    }
}

static uint64_t number(const struct buffer *in, size_t *at, size_t bytes) {
    if (in->length - *at < bytes)
        fail("the packed file ends too early");
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)in->bytes[(*at)++] << (8 * i);
    return value;
}

static void unpack(const struct buffer *in, struct buffer *out) {
    size_t at = 4;
    if (in->length < 4 || memcmp(in->bytes, MAGIC, 4) != 0)
        fail("not a packed file");
    uint64_t length = number(in, &at, 8), sum = number(in, &at, 8);
    uint8_t flags = 0;
    for (int item = 0; out->length < length; item++) {
        if (item % 8 == 0)
            flags = (uint8_t)number(in, &at, 1);
        if (flags >> (item % 8) & 1) {
            size_t distance = number(in, &at, 2), count = number(in, &at, 1) + SHORTEST;
            if (distance == 0 || distance > out->length)
                fail("a match begins before the file");
            while (count--)
                push(out, out->bytes[out->length - distance]);
        } else {
            push(out, (uint8_t)number(in, &at, 1));
        }
    }
    if (out->length != length || checksum(out) != sum)
        fail("the checksum does not fit");
}

static void read_file(const char *name, struct buffer *into) {
    FILE *file = fopen(name, "rb");
    if (!file) {
        perror(name);
        exit(1);
    }
    uint8_t block[4096];
    for (size_t n; (n = fread(block, 1, sizeof block, file)) > 0;)
        for (size_t i = 0; i < n; i++)
            push(into, block[i]);
    fclose(file);
}

static void write_file(const char *name, const struct buffer *from) {
    FILE *file = fopen(name, "wb");
    if (!file || fwrite(from->bytes, 1, from->length, file) != from->length || fclose(file)) {
        perror(name);
        exit(1);
    }
}

int main(int argc, char **argv) {
    int unpacks = argc > 1 && strcmp(argv[1], "-d") == 0;
    if (argc - unpacks != 3) {
        fprintf(stderr, "usage: lzpack [-d] IN OUT\n");
        return 2;
    }
    struct buffer in = {0}, out = {0};
    read_file(argv[1 + unpacks], &in);
    (unpacks ? unpack : pack)(&in, &out);
    write_file(argv[2 + unpacks], &out);
    printf("%zu -> %zu bytes\n", in.length, out.length);
    return 0;
}
