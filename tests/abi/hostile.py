"""Writes a C program that calls every function of the header with NULL and nonsense in each parameter, one at a time.

hostile.py include/datastreams.h out.c

What is expected follows from the header alone. A pointer that the documentation of the function does not call optional
("may be NULL", or "NULL, 0" for a buffer and its length) gives an error and writes no output; every other value gives
an answer, some status, and no crash. A function or a parameter type that this file does not know is an error, so a new
function cannot be forgotten.
"""

import pathlib
import re
import sys

# A good argument for each parameter type: an expression in the scope of `call` below.
GOOD = {
    "const ds_config *": "&config",
    "ds_client **": "&made",
    "ds_error *": "&error",
    "ds_client *": "fresh()",
    "const ds_client *": "client",
    "const ds_str *": "tags",
    "ds_str": "text",
    "ds_str *": "&text_out",
    "ds_edge": "edge",
    "ds_edge *": "&edge_out",
    "const uint8_t *": "header",
    "uint8_t *": "out",
    "const ds_pathway *": "&parent",
    "ds_pathway *": "&pathway",
    "const ds_options *": "&options",
    "ds_payload *": "&payload",
    "uint64_t *": "values",
    "size_t *": "&length",
    "uint32_t *": "&number",
    "uint32_t": "0",
    "uint64_t": "1",
    "int64_t": "0",
    "int32_t": "0",
    "ds_status": "0",
}
LENGTHS = {"count": "2", "header_len": "strlen((const char *)header)", "out_cap": "sizeof out", "cap": "4", "index": "0"}
COUNT_OF = {"pathways": "1"}

# Values that nobody means, one at a time.
BAD = {
    "ds_str": ["(ds_str){NULL, 5}", "(ds_str){\"x\", SIZE_MAX}", "(ds_str){\"\\xff\\xfe\", 2}", "(ds_str){NULL, 0}"],
    "ds_edge": ["(ds_edge){0}", "(ds_edge){UINT64_MAX}", "(ds_edge){1}", "foreign"],
    "uint32_t": ["UINT32_MAX", "3"],
    "uint64_t": ["0", "UINT64_MAX"],
    "int64_t": ["-1", "INT64_MIN", "INT64_MAX", "1"],
    "int32_t": ["-1", "INT32_MIN", "INT32_MAX", "99", "600"],
    "ds_status": ["1", "INT32_MIN", "INT32_MAX", "-9"],
    "const ds_config *": ["&bad_size", "&huge_size", "&bad_text", "&bad_enum"],
    "const ds_options *": ["&bad_options", "&early_options", "&huge_options"],
    "const ds_pathway *": ["&none", "&negative", "&strange"],
    "const uint8_t *": [("(const uint8_t *)\"\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff"
                        "\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\"")],
    "const ds_str *": ["bad_tags", "empty_tags"],
}
# Sizes: never larger than the buffer, or the caller would have broken its promise. SIZE_MAX is refused before reading.
BAD_LENGTH = {"count": ["0", "SIZE_MAX"], "header_len": ["0", "1", "9", "SIZE_MAX"], "out_cap": ["0", "1", "35"],
              "cap": ["0", "1"], "index": ["SIZE_MAX", "1000"]}


def functions(header):
    """(name, return type, [(type, name)], documentation) of every function."""
    pattern = re.compile(r"((?://[^\n]*\n)+)(?:DS_CHECK\s+)?([A-Za-z][\w ]*?[ *]+)(ds_\w+)\(([^)]*)\);", re.DOTALL)
    for comment, returned, name, parameters in pattern.findall(header):
        if "typedef" in returned:
            continue
        parsed = []
        for parameter in re.split(r",\s*", parameters.strip()):
            if parameter == "void":
                continue
            kind, argument = re.fullmatch(r"(.*?[ *])(\w+)", parameter.strip(), re.DOTALL).groups()
            parsed.append((re.sub(r"\s+", " ", kind).strip(), argument))
        text = re.sub(r"\s*\n// *", " ", comment)
        yield name, returned.replace(" ", ""), parsed, text


def optional(name, argument, text, docs):
    """Whether the documentation says that this pointer may be NULL."""
    if name.endswith("_with"):
        text += docs[name.removesuffix("_with")]
    clauses = re.findall(rf"\b{argument}\b[^.:]*?may be NULL(?! when)", text)
    if argument in ("header", "out", "out_len") and "NULL, 0" in text and "ds_set_checkpoint" in name:
        return True
    if argument == "tags" or argument == "client" and name == "ds_client_free" and "NULL is fine" in text:
        return argument == "client"
    return bool(clauses)


def is_pointer(kind):
    return kind.endswith("*")


def good(kind, argument, name):
    if kind == "size_t":
        return "1" if name == "ds_pathway_merge" else LENGTHS[argument]
    return GOOD[kind]


def main():
    header = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
    found = list(functions(header))
    prototypes = set(re.findall(r"\b(ds_\w+)\(", re.sub(r"//.*", "", header))) - {"ds_log_fn"}
    assert {name for name, *_ in found} == prototypes, prototypes ^ {name for name, *_ in found}
    docs = {name: text for name, _, _, text in found}
    lines, cases, nulls = [], 0, 0
    for name, returned, parameters, text in found:
        for index in range(len(parameters)):
            kind, argument = parameters[index]
            values = []
            if is_pointer(kind):
                values.append(("NULL", not optional(name, argument, text, docs)))
            values += [(value, None) for value in (BAD_LENGTH[argument] if kind == "size_t" else BAD.get(kind, []))]
            for value, must_fail in values:
                arguments = [good(kind, argument, name) for kind, argument in parameters]
                arguments[index] = value
                call = f"{name}({', '.join(arguments)})"
                label = f"{name}: {argument} = {value}".replace("\\", "\\\\").replace('"', '\\"')
                if name == "ds_client_free":
                    if value == "NULL":
                        lines.append(f"  {call};")
                elif returned == "ds_status":
                    expect = {True: "NULL_FAILS", False: "ANY", None: "ANY"}[must_fail]
                    lines.append(f'  expect({expect}, {call}, "{label}");')
                elif returned.endswith("*"):
                    lines.append(f'  text_or_null({call}, "{label}");')
                else:
                    lines.append(f"  (void){call};")
                cases += 1
                nulls += must_fail is True
        if not parameters:
            lines.append(f"  (void){name}();" if returned != "void" else f"  {name}();")
    assert cases > 150 and nulls > 25, (cases, nulls)
    text = TEMPLATE % {"calls": "\n".join(lines), "cases": cases, "nulls": nulls}
    pathlib.Path(sys.argv[2]).write_text(text, encoding="utf-8")


TEMPLATE = r"""
/* Generated by tests/abi/hostile.py. */
#include <limits.h>
#include "check.h"

enum expectation { ANY, NULL_FAILS };

static ds_client *client, *made;
static ds_config config = DS_CONFIG_INIT, bad_size = DS_CONFIG_INIT, huge_size = DS_CONFIG_INIT, bad_text = DS_CONFIG_INIT,
                 bad_enum = DS_CONFIG_INIT;
static ds_options options = DS_OPTIONS_INIT, bad_options = DS_OPTIONS_INIT, early_options = DS_OPTIONS_INIT,
                  huge_options = DS_OPTIONS_INIT;
static ds_error error;
static const ds_str tags[] = {DS_STR_INIT("direction:in"), DS_STR_INIT("type:kafka")};
static const ds_str bad_tags[] = {{NULL, 3}, {"x", SIZE_MAX}};
static const ds_str empty_tags[] = {{NULL, 0}, {"", 0}};
static const ds_str text = DS_STR_INIT("text");
static ds_edge edge, foreign, edge_out;
static const uint8_t *header;
static uint8_t header_bytes[DS_HEADER_MAX + 1], out[DS_HEADER_MAX];
static ds_pathway parent, pathway, none, negative, strange;
static ds_payload payload;
static ds_str text_out;
static uint64_t values[4];
static size_t length;
static uint32_t number;
static int failures;

static ds_client *fresh(void) { return client_at(NULL, DS_DELIVERY_HOST); }

/* A mark in every output, to see that an error writes none. */
static void mark(void) {
  memset(&edge_out, 0xa5, sizeof edge_out);
  memset(&pathway, 0xa5, sizeof pathway);
  memset(out, 0xa5, sizeof out);
  memset(&payload, 0xa5, sizeof payload);
  memset(&text_out, 0xa5, sizeof text_out);
  memset(values, 0xa5, sizeof values);
  memset(&length, 0xa5, sizeof length);
  memset(&number, 0xa5, sizeof number);
  if (made != NULL) ds_client_free(made);
  made = NULL;
}

static int marked(void) {
  const unsigned char *all[] = {(unsigned char *)&edge_out, (unsigned char *)&pathway, out, (unsigned char *)&payload, (unsigned char *)&text_out,
                                (unsigned char *)values, (unsigned char *)&length, (unsigned char *)&number};
  const size_t sizes[] = {sizeof edge_out, sizeof pathway, sizeof out, sizeof payload, sizeof text_out, sizeof values, sizeof length,
                          sizeof number};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (size_t j = 0; j < sizes[i]; j++)
      if (all[i][j] != 0xa5) return 0;
  return made == NULL;
}

static void expect(enum expectation expectation, ds_status status, const char *label) {
  const char *wrong = NULL;
  if (status == DS_ERR_PANIC) wrong = "panicked";
  else if (status > 0 || (status < DS_ERR_SYSTEM)) wrong = "answered an unknown status";
  else if (expectation == NULL_FAILS && status != DS_ERR_NULL) wrong = "did not refuse NULL";
  else if (status != DS_OK && !marked()) wrong = "failed, and wrote an output";
  if (wrong != NULL) {
    fprintf(stderr, "%%s: %%s (%%d)\n", label, wrong, (int)status);
    failures++;
  }
  mark();
}

static void text_or_null(const char *answer, const char *label) {
  if (answer != NULL && strlen(answer) > 200) {
    fprintf(stderr, "%%s: not a text\n", label);
    failures++;
  }
}

int main(void) {
  config.service = bad_size.service = huge_size.service = bad_enum.service = DS_STR("hostile");
  config.delivery = DS_DELIVERY_HOST;
  config.agent_url = DS_STR("http://127.0.0.1:9");
  bad_size.struct_size = 3;
  huge_size.struct_size = SIZE_MAX;
  bad_text.service = (ds_str){NULL, 4};
  bad_enum.delivery = 77;
  bad_options.struct_size = 1;
  huge_options.struct_size = SIZE_MAX;
  early_options.now_ns = INT64_MIN;
  client = fresh();
  ds_client *other = fresh();
  CHECK_OK(ds_edge_intern(client, tags, 2, DS_STR(""), &edge));
  CHECK_OK(ds_edge_intern(other, tags, 2, DS_STR(""), &foreign));
  CHECK_OK(ds_set_checkpoint(client, edge, 1, NULL, 0, NULL, &parent, header_bytes, DS_HEADER_MAX, &length));
  header_bytes[length] = 0;
  header = header_bytes;
  negative = strange = parent;
  negative.start_ns = INT64_MIN;
  strange.direction = 4000000000u;
  strange.opposite_edge_start_ns = INT64_MAX;
  strange.edge_start_ns = INT64_MAX;
  strange.start_ns = INT64_MAX;
  mark();
%(calls)s

  /* All of it left the client in order. */
  CHECK_OK(ds_set_checkpoint(client, edge, 1, header, strlen((const char *)header), NULL, &pathway, out, sizeof out, &length));
  CHECK(pathway.start_ns != 0 && length > 0);
  CHECK_INT(counter(client, "panics"), 0);
  CHECK(counter(client, "invalid_arguments") > 20);
  mark();
  ds_client_free(client);
  ds_client_free(other);
  if (failures != 0) return 1;
  printf("test-abi: %(cases)s calls with one bad argument each, %(nulls)s of them a required NULL\n");
  return 0;
}
"""

main()
