// Reads one JSON value from standard input, or from the file named as an argument, and prints it
// indented, with `-c` compact. Uses recursion, memory that grows, and exit codes: 2 for wrong
// usage, 3 for text that is no JSON.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 512, INDENT = 2 };

static const char *text, *at, *end;
static bool compact;

static _Noreturn void fail(const char *what) {
    size_t line = 1, column = 1;
    for (const char *p = text; p < at; p++) {
        column = *p == '\n' ? 1 : column + 1;
        line += *p == '\n';
    }
    fflush(stdout);
    fprintf(stderr, "jsonfmt: %zu:%zu: %s\n", line, column, what);
    exit(3);
}

static void skip_space(void) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
}

static void new_line(int depth) {
    if (!compact)
        printf("\n%*s", depth * INDENT, "");
}

static bool is_digit(void) { return at < end && *at >= '0' && *at <= '9'; }

static void digits(void) {
    if (!is_digit())
        fail("expected a digit");
    while (is_digit())
        putchar(*at++);
}

static void number(void) {
    if (*at == '-')
        putchar(*at++);
    if (at < end && *at == '0')
        putchar(*at++);
    else
        digits();
    if (at < end && *at == '.') {
        putchar(*at++);
        digits();
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        putchar(*at++);
        if (at < end && (*at == '+' || *at == '-'))
            putchar(*at++);
        digits();
    }
}

static bool is_one_of(const char *set) { return at < end && *at && strchr(set, *at); }

static void escape(void) {
    putchar(*at++);
    if (!is_one_of("\"\\/bfnrtu"))
        fail("unknown escape");
    bool unicode = *at == 'u';
    putchar(*at++);
    for (int i = 0; unicode && i < 4; i++, at++) {
        if (!is_one_of("0123456789abcdefABCDEF"))
            fail("expected a hexadecimal digit");
        putchar(*at);
    }
}

static void string(void) {
    putchar(*at++);
    while (at < end && *at != '"') {
        if ((unsigned char)*at < 0x20)
            fail("control character in a string");
        if (*at == '\\')
            escape();
        else
            putchar(*at++);
    }
    if (at == end)
        fail("the string does not end");
    putchar(*at++);
}

static void word(const char *expected) {
    size_t length = strlen(expected);
    if ((size_t)(end - at) < length || memcmp(at, expected, length) != 0)
        fail("expected a value");
    fputs(expected, stdout);
    at += length;
}

static void value(int depth);

static void members(int depth, char close, bool named) {
    if (depth == DEEPEST)
        fail("nested too deeply");
    putchar(*at++);
    skip_space();
    if (at < end && *at == close) {
        putchar(*at++);
        return;
    }
    for (;;) {
        new_line(depth + 1);
        skip_space();
        if (named) {
            if (at == end || *at != '"')
                fail("expected a name");
            string();
            skip_space();
            if (at == end || *at != ':')
                fail("expected `:`");
            fputs(compact ? ":" : ": ", stdout);
            at++;
        }
        value(depth + 1);
        skip_space();
        if (at == end || (*at != ',' && *at != close))
            fail("expected `,` or the end of the list");
        if (*at == close)
            break;
        putchar(*at++);
    }
    new_line(depth);
    putchar(*at++);
}

static void value(int depth) {
    skip_space();
    if (at == end)
        fail("expected a value");
    switch (*at) {
    case '{': members(depth, '}', true); break;
    case '[': members(depth, ']', false); break;
    case '"': string(); break;
    case 't': word("true"); break;
    case 'f': word("false"); break;
    case 'n': word("null"); break;
    default:
        if (*at != '-' && !is_digit())
            fail("expected a value");
        number();
    }
}

static void read_all(FILE *file) {
    size_t length = 0, room = 4096;
    char *bytes = malloc(room);
    while (bytes) {
        length += fread(bytes + length, 1, room - length, file);
        if (length < room)
            break;
        bytes = realloc(bytes, room *= 2);
    }
    if (!bytes || ferror(file)) {
        fputs("jsonfmt: cannot read the input\n", stderr);
        exit(1);
    }
    text = at = bytes;
    end = bytes + length;
}

int main(int argc, char **argv) {
    const char *name = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-c") == 0) {
            compact = true;
        } else if (name || argv[i][0] == '-') {
            fprintf(stderr, "usage: jsonfmt [-c] [FILE]\n");
            return 2;
        } else {
            name = argv[i];
        }
    }
    FILE *file = name ? fopen(name, "rb") : stdin;
    if (!file) {
        perror(name);
        return 1;
    }
    read_all(file);
    value(0);
    skip_space();
    if (at != end)
        fail("something follows the value");
    putchar('\n');
    return 0;
}
