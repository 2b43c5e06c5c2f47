/*
 * What each name on the PATH is in a long run: it notes its case, name and arguments, says so on both outputs, and fails
 * or not by the length of its arguments. No C library: starting the process is the cost of the run, and this starts
 * with a handful of page faults. A script of sh that does the same is used where there is no compiler.
 *
 * Descriptor 8 is the log, opened for appending; the environment holds CASE.
 */
typedef unsigned long word;

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall run\n");
static long call3(long number, long a, word b, word c) {
  long answer;
  __asm__ volatile("syscall" : "=a"(answer) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return answer;
}
enum { WRITE = 1, EXIT = 231 };
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x0, sp\n\tbl run\n");
static long call3(long number, long a, word b, word c) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register word x1 __asm__("x1") = b;
  register word x2 __asm__("x2") = c;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
}
enum { WRITE = 64, EXIT = 94 };
#else
#error "no stub for this processor: the script is used"
#endif

enum { LOG = 8, ROOM = 262144 };
static char record[ROOM];
static word used;

static void put(char c) {
  if (used < ROOM) record[used++] = c;
}

static void text(const char *from) {
  while (*from) put(*from++);
}

static void number(word value) {
  char digits[24];
  int n = 0;
  do digits[n++] = (char)('0' + value % 10);
  while ((value /= 10) > 0);
  while (n > 0) put(digits[--n]);
}

static void say(int fd, char kind, const char *id) {
  used = 0;
  put(kind);
  text(id);
  put('\n');
  call3(WRITE, fd, (word)record, used);
}

static const char *value_of(char **env, const char *name) {
  for (; *env; env++) {
    const char *have = *env;
    const char *want = name;
    while (*want && *have == *want) have++, want++;
    if (!*want) return have;
  }
  return "";
}

__attribute__((used)) void run(word *stack) {
  word count = stack[0];
  char **argv = (char **)(stack + 1);
  const char *id = value_of(argv + count + 1, "CASE=");
  const char *name = argv[0];
  for (const char *at = argv[0]; *at; at++) if (*at == '/') name = at + 1;
  word length = count > 1 ? count - 2 : 0;
  text(id), put(0), number(count - 1), put(0), text(name), put(0);
  for (word i = 1; i < count; i++) {
    for (const char *at = argv[i]; *at; at++) put(*at), length++;
    put(0);
  }
  call3(WRITE, LOG, (word)record, used);
  say(2, 'e', id);
  say(1, 'o', id);
  call3(EXIT, (long)(length % 2), 0, 0);
  for (;;) {}
}
