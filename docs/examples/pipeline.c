/* SPDX-License-Identifier: MIT
 *
 * The most frequent words of files or of standard input.
 *
 *      pipeline [-n TOP] [-l LETTERS] [FILE]...
 *
 *      -n TOP      print so many words, 10 unless told
 *      -l LETTERS  count only words of at least so many letters
 *
 * A word is a run of the letters A to Z, in lower case. Equally frequent words are in alphabetical
 * order. The answer is that of
 *
 *      cat FILE... | tr -cs A-Za-z '\n' | tr A-Z a-z | sort | uniq -c | sort -k1,1nr -k2 | head
 *
 * without the empty word that tr makes of what precedes the first letter, and with the last word of
 * every file ended. As in Python, each stage is a generator that draws on the one before it:
 *
 *      def every_line(names):
 *          for name in names:
 *              with open(name) as file:
 *                  yield from file
 *
 *      def words(lines):
 *          for line in lines:
 *              yield from re.findall("[a-z]+", line.lower())
 *
 *      def long_enough(words, letters):
 *          for word in words:
 *              if len(word) >= letters:
 *                  yield word
 *
 *      def counts(words):
 *          yield from sorted(Counter(words).items(), key=lambda c: (-c[1], c[0]))
 *
 *      counted = counts(long_enough(words(every_line(names)), letters))
 *      for word, times in islice(counted, top):
 *          print(f"{times:7} {word}")
 *
 * Memory is that of one chunk, the longest word and the table of distinct words, however long the
 * input and its lines are.
 */
#define _POSIX_C_SOURCE 200809L

#include <hocket/gen.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What one stage hands to the next. The text stays the giver's. */
struct line {
    const char *text;
    size_t size;
    bool more; /* this is a piece: the line goes on in the next one */
};
struct word {
    const char *text;
    size_t size;
};
struct count {
    char *word;
    size_t size;
    uint64_t hash;
    uintmax_t times;
};

HKT_GEN_OF(lines, struct line);
HKT_GEN_OF(words, struct word);
HKT_GEN_OF(counts, struct count);

struct options {
    char **names; /* of files, up to a NULL */
    uintmax_t top, letters;
    const char *reading; /* for messages */
};

enum { CHUNK = 65536 };

/* lines: the pieces of one file's lines. They end where a chunk does, so that a line needs no room
 * of its own. */

static int chunk_lines(struct hkt_gen *self, const char *at, const char *end, bool *more)
{
    for (const char *next; at < end; at = next) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        struct line line = {at, (size_t)((newline ? newline : end) - at), !newline};
        next = newline ? newline + 1 : end;
        *more = line.more;
        HKT_TRY(lines_yield(self, line));
    }
    return 0;
}

static int lines(struct hkt_gen *self, void *arg)
{
    const int *file = arg;
    char *chunk = malloc(CHUNK);
    bool more = false;
    ssize_t n;

    if (!chunk)
        return -ENOMEM;
    HKT_DEFER(free, chunk);
    while ((n = read(*file, chunk, CHUNK)) > 0)
        HKT_TRY(chunk_lines(self, chunk, chunk + n, &more));
    if (n < 0)
        return -errno;
    return more ? lines_yield(self, (struct line){"", 0, false}) : 0;
}

/* every_line: those of all files, one after the other. */

static void close_file(void *arg)
{
    const int *file = arg;

    close(*file);
}

static int file_lines(struct hkt_gen *self, const char *name)
{
    int file = strcmp(name, "-") == 0 ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC);

    if (file < 0)
        return -errno;
    HKT_DEFER(close_file, &file);
    hkt_auto_gen sub = hkt_gen_new(lines, &file);
    return hkt_yield_from(self, sub, NULL);
}

static int every_line(struct hkt_gen *self, void *arg)
{
    struct options *options = arg;

    for (char **name = options->names; *name; name++) {
        options->reading = strcmp(*name, "-") == 0 ? "standard input" : *name;
        HKT_TRY(file_lines(self, *name));
    }
    return 0;
}

/* words: a word may go on from piece to piece of a line. */

struct letters {
    char *text;
    size_t size, room;
};

static void letters_free(void *arg)
{
    struct letters *word = arg;

    free(word->text);
}

static int letters_add(struct letters *word, char letter)
{
    if (word->size == word->room) {
        size_t room = word->room ? word->room * 2 : 32;
        char *text = realloc(word->text, room);
        if (!text)
            return -ENOMEM;
        word->text = text;
        word->room = room;
    }
    word->text[word->size++] = letter;
    return 0;
}

/* The letter in lower case, whatever the locale; 0: c is no letter. */
static char letter_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c >= 'a' && c <= 'z' ? c : 0;
}

static int word_ends(struct hkt_gen *self, struct letters *word)
{
    struct word whole = {word->text, word->size};

    word->size = 0;
    return whole.size > 0 ? words_yield(self, whole) : 0;
}

static int words(struct hkt_gen *self, void *from)
{
    struct letters word = {NULL, 0, 0};
    int rc;

    HKT_DEFER(letters_free, &word);
    for (struct line line; (rc = lines_next(from, &line)) > 0;) {
        for (size_t i = 0; i < line.size; i++) {
            char letter = letter_of(line.text[i]);
            HKT_TRY(letter ? letters_add(&word, letter) : word_ends(self, &word));
        }
        if (!line.more)
            HKT_TRY(word_ends(self, &word));
    }
    return rc;
}

/* long_enough: the filter. */

struct filter {
    struct hkt_gen *from;
    uintmax_t letters;
};

static int long_enough(struct hkt_gen *self, void *arg)
{
    const struct filter *filter = arg;
    int rc;

    for (struct word word; (rc = words_next(filter->from, &word)) > 0;)
        if (word.size >= filter->letters)
            HKT_TRY(words_yield(self, word));
    return rc;
}

/* counts: a hash table with open addressing, sorted when all words have come. */

struct table {
    struct count *at;
    size_t used, room; /* room is 0 or a power of two, and more than used */
};

static void table_free(void *arg)
{
    struct table *table = arg;

    for (size_t i = 0; i < table->room; i++)
        free(table->at[i].word);
    free(table->at);
}

/* Fowler, Noll and Vo's, 1a. */
static uint64_t hash_of(struct word word)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < word.size; i++)
        hash = (hash ^ (unsigned char)word.text[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* Where the word is, or belongs. */
static struct count *table_find(const struct table *table, struct word word, uint64_t hash)
{
    size_t i = (size_t)hash & (table->room - 1);

    for (;; i = (i + 1) & (table->room - 1)) {
        struct count *c = &table->at[i];
        if (!c->word ||
            (c->hash == hash && c->size == word.size && memcmp(c->word, word.text, word.size) == 0))
            return c;
    }
}

static int table_grow(struct table *table)
{
    struct table grown = {NULL, table->used, table->room ? table->room * 2 : 1024};

    grown.at = calloc(grown.room, sizeof *grown.at);
    if (!grown.at)
        return -ENOMEM;
    for (size_t i = 0; i < table->room; i++) {
        const struct count *c = &table->at[i];
        if (c->word)
            *table_find(&grown, (struct word){c->word, c->size}, c->hash) = *c;
    }
    free(table->at);
    *table = grown;
    return 0;
}

static int table_add(struct table *table, struct word word)
{
    uint64_t hash = hash_of(word);

    if (table->used >= table->room / 4 * 3)
        HKT_TRY(table_grow(table));
    struct count *c = table_find(table, word, hash);
    if (!c->word) {
        *c = (struct count){malloc(word.size + 1), word.size, hash, 0};
        if (!c->word)
            return -ENOMEM;
        memcpy(c->word, word.text, word.size);
        c->word[word.size] = '\0';
        table->used++;
    }
    c->times++;
    return 0;
}

/* The most frequent first; what is empty, last. */
static int compare(const void *left, const void *right)
{
    const struct count *a = left, *b = right;

    if (a->times != b->times)
        return a->times > b->times ? -1 : 1;
    return a->times == 0 ? 0 : strcmp(a->word, b->word);
}

static int counts(struct hkt_gen *self, void *from)
{
    struct table table = {NULL, 0, 0};
    int rc;

    HKT_DEFER(table_free, &table);
    for (struct word word; (rc = words_next(from, &word)) > 0;)
        HKT_TRY(table_add(&table, word));
    if (rc < 0 || table.used == 0)
        return rc;
    qsort(table.at, table.room, sizeof *table.at, compare);
    for (size_t i = 0; i < table.used; i++)
        HKT_TRY(counts_yield(self, table.at[i]));
    return 0;
}

/* The chain */

static int print_top(struct options *options)
{
    hkt_auto_gen all_lines = hkt_gen_new(every_line, options);
    hkt_auto_gen all_words = hkt_gen_new(words, all_lines);
    struct filter filter = {all_words, options->letters};
    hkt_auto_gen chosen = hkt_gen_new(long_enough, &filter);
    hkt_auto_gen counted = hkt_gen_new(counts, chosen);
    struct count c;
    int rc = 0;

    for (uintmax_t i = 0; i < options->top && (rc = counts_next(counted, &c)) > 0; i++)
        printf("%7" PRIuMAX " %s\n", c.times, c.word);
    return rc;
}

static bool number(const char *text, uintmax_t *n)
{
    char *end;

    errno = 0;
    *n = strtoumax(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0;
}

static bool parse(int argc, char **argv, struct options *options)
{
    static char minus[] = "-", *standard_input[] = {minus, NULL};

    for (int c; (c = getopt(argc, argv, "n:l:")) != -1;)
        if (c == '?' || !number(optarg, c == 'n' ? &options->top : &options->letters))
            return false;
    options->names = optind < argc ? argv + optind : standard_input;
    return true;
}

int main(int argc, char **argv)
{
    struct options options = {.top = 10, .reading = "start"};

    if (!parse(argc, argv, &options)) {
        fputs("usage: pipeline [-n TOP] [-l LETTERS] [FILE]...\n", stderr);
        return 2;
    }
    int rc = print_top(&options);
    if (rc < 0) {
        fprintf(stderr, "pipeline: %s: %s\n", options.reading, hkt_strerror(rc));
        return 1;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("pipeline: standard output");
        return 1;
    }
    return 0;
}
