// An interpreter of its own: a large switch, that is, `br_table`, on a program in memory.
enum { PUSH, ADD, SUB, MUL, DUP, SWAP, OVER, DROP, JNZ, LOAD, STORE, XOR, HALT };
static const int program[] = {
    PUSH, 0, PUSH, 1, STORE, 0, PUSH, 200,            // acc in cell 0, counter on the stack
    /* 8 */ DUP, LOAD, 0, ADD, PUSH, 3, MUL, PUSH, 0x55, XOR, STORE, 0,
    PUSH, 1, SUB, DUP, JNZ, 8, DROP, LOAD, 0, HALT };
static int execute(int first) {
    int stack[32], cells[8] = { first }, sp = 0;
    for (const int *pc = program;;) {
        switch (*pc++) {
        case PUSH: stack[sp++] = *pc++; break;
        case ADD: sp--; stack[sp - 1] += stack[sp]; break;
        case SUB: sp--; stack[sp - 1] -= stack[sp]; break;
        case MUL: sp--; stack[sp - 1] *= stack[sp]; break;
        case XOR: sp--; stack[sp - 1] ^= stack[sp]; break;
        case DUP: stack[sp] = stack[sp - 1]; sp++; break;
        case OVER: stack[sp] = stack[sp - 2]; sp++; break;
        case SWAP: { int t = stack[sp - 1]; stack[sp - 1] = stack[sp - 2]; stack[sp - 2] = t; break; }
        case DROP: sp--; break;
        case JNZ: if (stack[--sp]) pc = program + *pc; else pc++; break;
        case LOAD: stack[sp++] = cells[*pc++]; break;
        case STORE: cells[*pc++] = stack[--sp]; break;
        case HALT: return stack[sp - 1];
        }
    }
}
int run(int rounds) {
    int sum = 0;
    for (int i = 0; i < rounds; i++) sum = sum * 31 + execute(sum + i);
    return sum;
}
