/* program_symbols.h - functions that are linked into the program itself and that the dynamic linker does not know. */
#ifndef DS_PLUGIN_PROGRAM_SYMBOLS_H
#define DS_PLUGIN_PROGRAM_SYMBOLS_H
#include <stddef.h>

/* The symbol table of the running program, which a program keeps unless it is stripped. */
struct program_symbols {
    const unsigned char *file; /* NULL: there is none */
    size_t size, symbols, symbols_size, names, names_size;
    const unsigned char *bias; /* what is added to a symbol's address */
};

/* Opens it. base: where the program is loaded. Close it in any case. */
void program_symbols_open(struct program_symbols *program, const void *base);

/* The function of this name, or NULL. */
void *program_symbols_find(const struct program_symbols *program, const char *name);

void program_symbols_close(struct program_symbols *program);

#endif
