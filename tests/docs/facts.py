"""Compares what the documents say with what the repository is."""

import json
import re
import subprocess
import tomllib
from dataclasses import dataclass

import blocks

CODE = re.compile(r"`([^`\n]+)`")


@dataclass
class World:
    """What is there besides files."""

    targets: set  # of make
    counters: list  # of the library
    helps: dict  # of the datastreams command: help texts by command
    draft: bool  # whether places may be left to fill in


class Documents:
    """All Markdown files of the repository, and the files that they speak of."""

    def __init__(self, root):
        self.root = root
        listed = subprocess.run(
            ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\n")
        self.files = {name for name in listed if name and (root / name).exists()}
        self.folders = {name.rsplit("/", depth)[0] for name in self.files for depth in range(1, name.count("/") + 1)}
        self.texts = {name: (root / name).read_text() for name in sorted(self.files) if name.endswith(".md")}

    def read(self, name):
        return (self.root / name).read_text()

    def section(self, name, heading):
        """The text of a document below a heading, up to the next of its level."""
        match = re.search(
            rf"^(#+) {re.escape(heading)}$\n(.*?)(?=^#{{1,2}} |\Z)", self.texts[name], re.MULTILINE | re.DOTALL
        )
        return match.group(2) if match else ""

    def code(self, name):
        """(line, text) of each piece of code in the prose."""
        for number, line in enumerate(blocks.prose(self.texts[name]).splitlines(), 1):
            for text in CODE.findall(line):
                yield number, text

    def table(self, name, heading):
        """The rows of the tables in a section, without their headings."""
        rows = []
        for line in self.section(name, heading).splitlines():
            if line.startswith("|"):
                rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))])
        return [row for row in rows[2:] if not set("".join(row)) <= set("-: ")]


def anchors(text):
    """The anchors of a document's headings, as GitHub makes them."""
    found = []
    for line in blocks.prose(text).splitlines():
        if re.match(r"#{1,6} ", line):
            plain = re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower().replace("`", "")).replace(" ", "-")
            found.append(plain if plain not in found else f"{plain}-{found.count(plain)}")
    return set(found)


def links(docs, _world):
    """Every relative link leads to a file, and its anchor to a heading."""
    for name, text in docs.texts.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", blocks.prose(text)):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            base = name.rsplit("/", 1)[0] + "/" if "/" in name else ""
            full = name if not path else normal(base + path)
            if full not in docs.files and full.rstrip("/") not in docs.folders:
                yield f"{name}: {target} leads nowhere"
            elif anchor and anchor not in anchors(docs.texts.get(full, "")):
                yield f"{name}: {target}: there is no such heading"


def normal(path):
    parts = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def paths(docs, _world):
    """Every path in the prose exists. Braces name several, a star any, and build and target are made."""
    start = re.compile(r"^(core|ffi|collector|bindings|tests|include|docs|mk|tools|\.ci)/[\w./*{},-]*$")
    for name in docs.texts:
        for line, text in docs.code(name):
            base = name.rsplit("/", 1)[0] + "/" if "/" in name else ""
            if not start.match(text):
                continue
            for one in spread(text.rstrip("/")):
                pattern = re.compile(re.escape(one).replace(r"\*", "[^/]*") + "$")
                if (
                    not any(pattern.match(known) for known in docs.files | docs.folders)
                    and base + one not in docs.files
                ):
                    yield f"{name}:{line}: {one} does not exist"


def spread(text):
    """`a/{b,c}.rs` as `a/b.rs` and `a/c.rs`."""
    braces = re.search(r"\{([^}]*)\}", text)
    if not braces:
        return [text]
    return [one for part in braces.group(1).split(",") for one in spread(text.replace(braces.group(0), part, 1))]


def files_named(docs, _world):
    """Every source file of the crates stands in ARCHITECTURE.md."""
    named = {one.rstrip("/") for _, text in docs.code("ARCHITECTURE.md") for one in spread(text)}
    for name in sorted(docs.files):
        plain = not name.endswith(("/tests.rs", "/mod.rs", "lib.rs", "main.rs"))
        if plain and re.match(r"(core|ffi|collector)/(src|header/src)/.*\.rs$", name):
            parents = {name.rsplit("/", depth)[0] for depth in range(1, name.count("/") - 1)}
            if name not in named and not parents & named:
                yield f"ARCHITECTURE.md does not name {name}"


def targets(docs, world):
    """Every target of make in the prose exists."""
    for name in docs.texts:
        for line, text in docs.code(name):
            words = text.split()
            if words[:1] == ["make"] and len(words) > 1:
                for word in words[1:]:
                    if "=" not in word and not word.startswith("-") and word not in world.targets:
                        yield f"{name}:{line}: `{text}`: there is no target {word}"


def variables(docs, _world):
    """The table of environment variables is complete, and each of them is read."""
    sources = "".join(docs.read(name) for name in ("core/src/config.rs", "core/src/tls.rs"))
    read = set(re.findall(r"\b(?:DD|SSL_CERT)_[A-Z_]+\b", sources))
    said = {
        name for row in docs.table("README.md", "Environment variables") for name in re.findall(r"`([A-Z_]+)`", row[0])
    }
    for name in sorted(read - said):
        yield f"README.md: {name} is read, and not in the table of environment variables"
    for name in sorted(said - read):
        yield f"README.md: {name} is in the table of environment variables, and nobody reads it"


def counters(docs, world):
    """The tables of counters are complete."""
    said = {name for row in docs.table("README.md", "Counters") for name in re.findall(r"`([a-z_]+)`", row[0])}
    for name in sorted(set(world.counters) - said):
        yield f"README.md: the counter {name} is missing"
    for name in sorted(said - set(world.counters)):
        yield f"README.md: there is no counter {name}"


def names(docs, world):
    """Every name of the C interface in the documents is in a header, or in the plugin; counters in the tables of bounds exist."""
    headers = "".join(
        docs.read(name) for name in docs.files if re.match(r"(include|bindings/c/include|bindings/c/plugin)/.*\.[ch]p*$", name)
    )
    known = set(re.findall(r"\b(?:ds|DS)_\w+", headers))
    for name, text in docs.texts.items():
        # The words of a family, as in ds_rdkafka_ or DS_ERR_.
        for word in sorted(set(re.findall(r"\b(?:ds|DS)_\w+", text))):
            if word not in known and not any(other.startswith(word) for other in known if word.endswith("_")):
                yield f"{name}: {word} is in no header"
    for row in docs.table("ARCHITECTURE.md", "Bounds"):
        for name in re.findall(r"`([a-z_]+)`", row[-1]):
            if name not in world.counters:
                yield f"ARCHITECTURE.md: there is no counter {name}"


def defaults(docs, _world):
    """The defaults in the table of bounds are those of the header."""
    header = docs.read("include/datastreams.h")
    rows = [row for row in docs.table("ARCHITECTURE.md", "Bounds") if len(row) == 4]
    options = {name: row[1] for row in rows for name in re.findall(r"`(\w+)`", row[2])}
    for name, default in options.items():
        line = re.search(rf"^ .*\b{name};.*Default ([^.]*)\.", header, re.MULTILINE)
        if not line:
            yield f"ARCHITECTURE.md: the header has no option {name} with a default"
        elif re.sub(r"\W", "", line.group(1)) not in re.sub(r"\W", "", default):
            yield f"ARCHITECTURE.md: the default of {name} is {line.group(1)}, not {default}"
    limits = re.findall(r"^  u\w+_t (\w+);.*Default \d", header, re.MULTILINE)
    for name in set(limits) - set(options):
        yield f"ARCHITECTURE.md: the bound {name} is missing"


def dependencies(docs, _world):
    """The tables of dependencies are those of the manifests: of cargo, of Go, of pip."""
    used = set()
    for name in docs.files:
        file = name.rsplit("/", 1)[-1]
        if file == "Cargo.toml":
            manifest = tomllib.loads(docs.read(name))
            for kind in ("dependencies", "dev-dependencies", "build-dependencies"):
                used |= {crate for crate in manifest.get(kind, {}) if not crate.startswith("datastreams")}
        elif file == "go.mod" and name.startswith("bindings/"):
            direct = [line for line in docs.read(name).splitlines() if "// indirect" not in line and "=>" not in line]
            modules = re.findall(r"^(?:require )?\t?([\w.-]+\.[\w.-]+/\S+) v\S+$", "\n".join(direct), re.MULTILINE)
            used |= {module for module in modules if not module.startswith("github.com/datastreams/")}
        elif re.fullmatch(r"requirements.*\.txt|(go|uv)\.txt", file):
            used |= set(re.findall(r"^([\w-]+)", docs.read(name), re.MULTILINE))
    names = r"`([\w.-]+(?:/[\w./-]+)?)`"
    said = {name for row in docs.table("ARCHITECTURE.md", "Dependencies") for name in re.findall(names, row[0])}
    for name in sorted(used - said):
        yield f"ARCHITECTURE.md: the dependency {name} is missing"
    for name in sorted(said - used):
        yield f"ARCHITECTURE.md: nothing depends on {name}"


def versions(docs, _world):
    """The lowest compiler, the version and the ABI are those of the sources."""
    package = tomllib.loads(docs.read("Cargo.toml"))["workspace"]["package"]
    for name, text in docs.texts.items():
        for found in re.findall(r"\bRust (\d+\.\d+)", text):
            if found != package["rust-version"]:
                yield f"{name}: Rust {found}, where Cargo.toml says {package['rust-version']}"
    if f"[{package['version']}]" not in docs.texts["CHANGELOG.md"]:
        yield f"CHANGELOG.md says nothing of {package['version']}"
    abi = re.search(r"#define DS_ABI_VERSION (\d+)", docs.read("include/datastreams.h")).group(1)
    for name, text in docs.texts.items():
        for found in re.findall(r"libdatastreams\.so\.(\d+)\b", text):
            if found != abi:
                yield f"{name}: libdatastreams.so.{found}, where the ABI is {abi}"


def integrations(docs, _world):
    """The table of integrations has all that there are, and each is tested by targets that run where it says."""
    there = set()
    for name in docs.files:
        for language, pattern in (
            ("C", r"bindings/c/include/(datastreams_\w+\.h)$"),
            ("Go", r"bindings/go/integrations/(\w+(?:/v\d+)?)/\w+\.go$"),
            ("Python", r"bindings/python/src/datastreams/integrations/([a-z]\w*)(?:\.py$|/)"),
        ):
            there |= {(language, found) for found in re.findall(pattern, name)}
    there.discard(("C", "datastreams_message.h"))  # what those for message queues share
    makefile = docs.read("Makefile")
    runs = {}
    for whole in ("test", "test-full"):
        recipe = re.search(rf"^{whole}:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE).group(1)
        runs[whole] = set(re.findall(r"(?<=\s)test-[\w-]+", recipe))
    said = set()
    for _, languages, client, integration, *cells in docs.table("README.md", "Integrations"):
        if languages != "any":  # what needs no change to a program is no integration of a language
            said.add((languages.split(",")[0], integration.strip("`")))
        tested = [re.findall(r"`make ([\w-]+)`", cell) for cell in cells]
        if not any(tested):
            yield f"README.md: nothing tests the integration with {client}"
        for whole, targets in zip(runs, tested):
            for target in set(targets) - runs[whole]:
                yield f"README.md: {client}: `make {whole}` does not run {target}"
    for language, name in sorted(there - said):
        yield f"README.md: the integration {name} of {language} is not in the table"
    for language, name in sorted(said - there):
        yield f"README.md: there is no integration {name} of {language}"


def safety(docs, _world):
    """Unsafe code is where ARCHITECTURE.md says: in ffi/src alone."""
    for name in sorted(docs.files):
        if name.endswith(".rs") and not name.startswith("ffi/src/"):
            for number, line in enumerate(docs.read(name).splitlines(), 1):
                if re.search(r"\bunsafe\s*(\{|fn|impl|extern|trait)", line.split("//")[0]):
                    yield f"{name}:{number}: unsafe code outside of ffi/src"
    if "#![forbid(unsafe_code)]" not in docs.read("core/src/lib.rs"):
        yield "core/src/lib.rs does not forbid unsafe code"


def options(docs, world):
    """Every command and option of `datastreams` in the documents exists."""
    for name, text in docs.texts.items():
        lines = [code for _, code in docs.code(name)]
        lines += [line for block in parsed(name, text) if block.language == "sh" for line in block.text.splitlines()]
        for line in lines:
            for command, rest in re.findall(r"(?<!-m)(?:^|[ /(|])datastreams ([a-z]+)([^|;]*)", line):
                if command not in world.helps:
                    yield f"{name}: there is no command `datastreams {command}`"
                    continue
                for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", rest):
                    if option not in world.helps[command]:
                        yield f"{name}: `datastreams {command}` has no option {option}"


def parsed(name, text):
    """The blocks of a document; none when it cannot be read, which is told elsewhere."""
    try:
        return blocks.parse(name, text)
    except blocks.Malformed:
        return []


def words(docs, world):
    """No path of a machine, and nothing left to be filled in."""
    for name, text in docs.texts.items():
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(r"(?<![\w.$}~])/(work|root|home|tmp)/", line):
                yield f"{name}:{number}: the path of some machine: {line.strip()}"
            if "TODO" in line and not world.draft:
                yield f"{name}:{number}: {line.strip()}"


def vectors(docs, _world):
    """Every file of vectors is named, and is JSON."""
    named = {one for name in docs.texts for _, text in docs.code(name) for one in spread(text)}
    for name in sorted(docs.files):
        if re.match(r"tests/vectors/.*\.json$", name):
            json.loads(docs.read(name))
            if name not in named:
                yield f"no document names {name}"


# What the documents say of the repository, and what looks for the contrary.
STATEMENTS = {
    "relative links lead somewhere": links,
    "paths in the text exist": paths,
    "ARCHITECTURE.md names every source file": files_named,
    "targets of make in the text exist": targets,
    "the environment variables are those that are read": variables,
    "the counters are those of the library": counters,
    "names of the C interface are in the headers": names,
    "bounds have the defaults of the header": defaults,
    "dependencies are those of the manifests": dependencies,
    "versions are those of the sources": versions,
    "the table of integrations is complete, and each is tested": integrations,
    "unsafe code is in ffi/src alone": safety,
    "commands and options exist": options,
    "vectors are named": vectors,
    "no paths of machines, nothing left to fill in": words,
}


def contrary(docs, world):
    """Everything that speaks against the documents."""
    return {wrong for look in STATEMENTS.values() for wrong in look(docs, world)}
