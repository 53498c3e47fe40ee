/* For the verifier that spin generates from disable.pml: writes every trace that is shown to it to the file
 * TRACES, once, as a line with one character for each label, '@' plus its number. The traces seen are kept in
 * a tree outside the state, so that the search is not told apart by them; it only ever grows. */
#include <stdio.h>
#include <stdlib.h>

struct trace_node {
  unsigned char label;
  int first_child;
  int next_sibling;
};

static struct trace_node *trace_nodes;
static int trace_node_count;
static int trace_node_room;

static void fail_store(const char *what) {
  fprintf(stderr, "trace_store: %s\n", what);
  exit(2);
}

static int add_trace_node(unsigned char label, int next_sibling) {
  if (trace_node_count == trace_node_room) {
    trace_node_room = trace_node_room == 0 ? 1 << 16 : 2 * trace_node_room;
    trace_nodes = (struct trace_node *)realloc(trace_nodes, trace_node_room * sizeof *trace_nodes);
    if (trace_nodes == NULL) fail_store("no memory");
  }
  trace_nodes[trace_node_count].label = label;
  trace_nodes[trace_node_count].first_child = 0;
  trace_nodes[trace_node_count].next_sibling = next_sibling;
  return trace_node_count++;
}

static void write_trace(const unsigned char *trace, int length) {
  static FILE *out;
  int i;
  if (out == NULL) {
    out = fopen(TRACES, "w");
    if (out == NULL) fail_store("cannot write " TRACES);
  }
  for (i = 0; i < length; i++) putc('@' + trace[i], out);
  putc('\n', out);
  if (ferror(out)) fail_store("cannot write " TRACES);
}

/* A trace comes after its prefixes: at most its last label is new. */
static void store_trace(const unsigned char *trace, int length) {
  int node = 0, i;
  if (trace_node_count == 0) add_trace_node(0, 0);
  for (i = 0; i < length; i++) {
    int child = trace_nodes[node].first_child;
    while (child != 0 && trace_nodes[child].label != trace[i]) child = trace_nodes[child].next_sibling;
    if (child == 0) {
      child = add_trace_node(trace[i], trace_nodes[node].first_child);
      trace_nodes[node].first_child = child;
      write_trace(trace, i + 1);
    }
    node = child;
  }
}
