/* program_symbols.c - see program_symbols.h. The file may be anything: every offset is tested before it is followed. */
#include "program_symbols.h"
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int within(const struct program_symbols *program, uint64_t at, uint64_t size) {
    return at <= program->size && size <= program->size - at;
}

/* Finds the table and its names among the sections. Structures are copied, as they may lie at any address. */
static int find_table(struct program_symbols *program) {
    ElfW(Ehdr) head;
    ElfW(Shdr) table, names;
    unsigned i;
    if (!within(program, 0, sizeof head)) return 0;
    memcpy(&head, program->file, sizeof head);
    if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_shentsize != sizeof table ||
        !within(program, head.e_shoff, (uint64_t)head.e_shnum * sizeof table))
        return 0;
    if (head.e_type == ET_EXEC) program->bias = NULL; /* its addresses are final */
    for (i = 0; i < head.e_shnum; i++) {
        memcpy(&table, program->file + head.e_shoff + i * sizeof table, sizeof table);
        if (table.sh_type != SHT_SYMTAB || table.sh_link >= head.e_shnum) continue;
        memcpy(&names, program->file + head.e_shoff + table.sh_link * sizeof names, sizeof names);
        if (!within(program, table.sh_offset, table.sh_size) || !within(program, names.sh_offset, names.sh_size) ||
            names.sh_size == 0 || program->file[names.sh_offset + names.sh_size - 1] != '\0')
            return 0;
        program->symbols = table.sh_offset;
        program->symbols_size = table.sh_size;
        program->names = names.sh_offset;
        program->names_size = names.sh_size;
        return 1;
    }
    return 0;
}

void program_symbols_open(struct program_symbols *program, const void *base) {
    const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct stat found;
    void *mapped;
    memset(program, 0, sizeof *program);
    if (file < 0) return;
    if (fstat(file, &found) == 0 && found.st_size > 0) {
        mapped = mmap(NULL, (size_t)found.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        if (mapped != MAP_FAILED) {
            program->file = mapped;
            program->size = (size_t)found.st_size;
            program->bias = base;
            if (!find_table(program)) program_symbols_close(program);
        }
    }
    close(file);
}

void *program_symbols_find(const struct program_symbols *program, const char *name) {
    ElfW(Sym) symbol;
    size_t at;
    if (program->file == NULL) return NULL;
    for (at = 0; at + sizeof symbol <= program->symbols_size; at += sizeof symbol) {
        memcpy(&symbol, program->file + program->symbols + at, sizeof symbol);
        if ((symbol.st_info & 0xf) == STT_FUNC && symbol.st_shndx != SHN_UNDEF && symbol.st_name < program->names_size &&
            strcmp((const char *)program->file + program->names + symbol.st_name, name) == 0)
            return (void *)((uintptr_t)program->bias + symbol.st_value);
    }
    return NULL;
}

void program_symbols_close(struct program_symbols *program) {
    if (program->file != NULL) munmap((void *)(uintptr_t)program->file, program->size);
    program->file = NULL;
}
