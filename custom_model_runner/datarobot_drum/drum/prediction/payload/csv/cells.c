/* Cells of a CSV body, as pandas.read_csv would read them: compiled.py says what this is for.
 *
 * Nothing here allocates, keeps anything or calls the system: compiled.py hands over all memory.
 * Nothing is read at or beyond `end`, since a body may lie at the end of what is mapped. What
 * might mean something else to pandas than to this file ends in ASIDE, and others read the body.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VERSION 1
#define ASIDE (-1)
#define MAX_COLUMNS 1000

/* What a cell is; flags, since a column has several of them. */
enum {
    MISSING = 1,
    INTEGER = 2,
    DECIMAL = 4,
    BOOLEAN = 8,
    TEXT = 16,   /* nothing but text */
    MAYBE = 32,  /* text, or something that only pandas knows */
    BEYOND = 64, /* an integer of more than 18 digits, whatever follows */
    INEXACT = 128 /* an integer that pandas may read in two ways, among floats */
};

/* What a column becomes. The last two share a block. */
enum kind { UNKNOWN, FLOATS, INTEGERS, BOOLEANS, FLAGS, TEXTS, TOLD_TEXTS };

static const uint8_t block_of[] = {UNKNOWN, FLOATS, INTEGERS, BOOLEANS, FLAGS, TEXTS, TEXTS};
static const uint8_t item_size[] = {8, 8, 8, 1, 1, 8, 8};

#define MAX_WORDS 32
#define TRUE_WORD 32
#define FALSE_WORD 33
#define NO_WORD 255
#define GAP_FLAG 2
#define LEAST_POWER (-200)
#define MOST_POWER 150

/* The words that stand for something, shortest first, and the powers of ten. */
struct dialect {
    uint64_t words[MAX_WORDS][2]; /* filled up with NUL, which no cell holds */
    uint64_t powers[MOST_POWER - LEAST_POWER + 1][2]; /* of five, their 128 leading bits */
    double tens[MOST_POWER + 1];
    uint8_t codes[MAX_WORDS];  /* number of the missing word, TRUE_WORD or FALSE_WORD */
    uint8_t first_of_size[18]; /* where the words of that many bytes begin */
    uint8_t may_start[256];
    uint8_t old_decimals; /* pandas 2: not rounded correctly */
};

struct table {
    const uint8_t *body;
    int64_t size;
    int64_t start;
    int64_t width;
    int64_t rows;  /* room for so many */
    int64_t chunk; /* rows that pandas looks at together */
    int64_t some;  /* whether to look at the first `rows` only */
    uint8_t *kinds; /* in: what to read the columns as; out: what they are */
    const uint32_t *gaps; /* by column: bits of the words that are missing values */
    void *blocks[6]; /* by kind */
    int64_t longest; /* out: bytes of the longest cell with a quote in it */
};

/* A text: where it begins, its bytes, whether quotes in it are doubled. */
#define GAP UINT64_MAX
#define MAX_TEXT (1 << 23)
#define MAX_BODY (INT64_C(1) << 39)
#define PACKED(start, size, doubled) ((uint64_t)(start) << 24 | (uint64_t)(size) << 1 | (uint64_t)(doubled))
#define START_OF(text) ((text) >> 24)
#define SIZE_OF(text) (((text) >> 1) & (MAX_TEXT - 1))
#define IS_DOUBLED(text) ((text) & 1)

struct cell {
    const uint8_t *start;
    int64_t size;
    int doubled;
};

struct column {
    uint8_t kind;
    uint8_t flags; /* of this chunk */
    uint8_t all;   /* of all chunks */
    uint8_t each;  /* those that every chunk has */
    uint8_t in_doubt;
    uint32_t gaps;
    void *out;
};

struct number {
    const uint8_t *first; /* digit or point */
    const uint8_t *last;  /* behind the digits */
    uint64_t digits;      /* modulo 2^64 */
    int whole;            /* digits before the point */
    int count;            /* all digits */
    int exponent;
    int negative;
};

static int is_digit(uint8_t c)
{
    return (uint8_t)(c - '0') < 10;
}

static int is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int ends_cell(const uint8_t *at, const uint8_t *end)
{
    return at == end || *at == ',' || *at == '\n' || *at == '\r';
}

/* Numbers ------------------------------------------------------------------------------------ */

static uint64_t load(const uint8_t *at)
{
    uint64_t eight;
    memcpy(&eight, at, 8);
    return eight;
}

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define EIGHT_AT_ONCE 1
#else
#define EIGHT_AT_ONCE 0
#endif

static int are_digits(uint64_t eight)
{
    const uint64_t high = UINT64_C(0xF0F0F0F0F0F0F0F0), six = UINT64_C(0x0606060606060606);
    return ((eight & high) | (((eight + six) & high) >> 4)) == UINT64_C(0x3333333333333333);
}

static uint64_t eight_digits(uint64_t eight)
{
    eight -= UINT64_C(0x3030303030303030);
    eight = eight * 10 + (eight >> 8);
    return (((eight & UINT64_C(0x000000FF000000FF)) * UINT64_C(0x000F424000000064)) +
            (((eight >> 16) & UINT64_C(0x000000FF000000FF)) * UINT64_C(0x0000271000000001))) >> 32;
}

static const uint8_t *take_few_digits(const uint8_t *at, const uint8_t *end, uint64_t *digits)
{
    for (; at < end && is_digit(*at); at++)
        *digits = *digits * 10 + (*at - '0');
    return at;
}

static const uint8_t *take_many_digits(const uint8_t *at, const uint8_t *end, uint64_t *digits)
{
    while (EIGHT_AT_ONCE && end - at >= 8 && are_digits(load(at))) {
        *digits = *digits * 100000000 + eight_digits(load(at));
        at += 8;
    }
    return take_few_digits(at, end, digits);
}

/* At most two digits: neither too great nor too small a number, whatever stands in front. */
static const uint8_t *take_exponent(const uint8_t *at, const uint8_t *end, int *exponent)
{
    int negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    const uint8_t *first = at;
    uint64_t digits = 0;
    at = take_few_digits(at, end, &digits);
    if (at == first || at - first > 2)
        return NULL;
    *exponent = negative ? -(int)digits : (int)digits;
    return at;
}

/* INTEGER or DECIMAL, and what is behind it; 0 for everything else. */
static uint8_t take_number(const uint8_t **from, const uint8_t *end, struct number *number)
{
    const uint8_t *at = *from;
    uint8_t what = INTEGER;
    number->negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    number->first = at;
    number->digits = 0;
    number->exponent = 0;
    at = take_few_digits(at, end, &number->digits);
    if (at - number->first > 18)
        return 0;
    number->count = number->whole = (int)(at - number->first);
    if (at < end && *at == '.') {
        const uint8_t *point = at;
        at = take_many_digits(at + 1, end, &number->digits);
        if (at - point > 41)
            return 0;
        number->count += (int)(at - point - 1);
        what = DECIMAL;
    }
    number->last = at;
    if (number->count == 0)
        return 0;
    if (at < end && (*at | 32) == 'e') {
        at = take_exponent(at + 1, end, &number->exponent);
        what = DECIMAL;
    }
    if (at == NULL)
        return 0;
    *from = at;
    return what;
}

/* The first `most` digits; those in front that are 0 count only where they are told to. */
static int leading(const struct number *number, int most, int zeros, uint64_t *digits, int *dropped)
{
    int count = 0;
    *digits = 0;
    *dropped = 0;
    for (const uint8_t *at = number->first; at < number->last; at++) {
        if (*at == '.')
            continue;
        if (count == most) {
            ++*dropped;
        } else {
            *digits = *digits * 10 + (*at - '0');
            count += zeros || *digits != 0;
        }
    }
    return count;
}

static double as_double(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, 8);
    return value;
}

/* digits * 10^power to the nearest float64 (Lemire: Number Parsing at a Gigabyte per Second);
 * 0 where that takes more than 128 bits to tell.
 */
static int nearest(const struct dialect *dialect, uint64_t digits, int power, double *value)
{
    if (digits == 0) {
        *value = 0;
        return 1;
    }
    if (digits <= (UINT64_C(1) << 53) && power >= -22 && power <= 22) {
        /* Both are float64 exactly, and one operation rounds correctly. */
        double exact = (double)digits;
        *value = power < 0 ? exact / dialect->tens[-power] : exact * dialect->tens[power];
        return 1;
    }
    if (power < LEAST_POWER || power > MOST_POWER)
        return 0;
    const uint64_t *five = dialect->powers[power - LEAST_POWER];
    int shift = __builtin_clzll(digits);
    unsigned __int128 product = (unsigned __int128)(digits << shift) * five[0];
    uint64_t upper = (uint64_t)(product >> 64), lower = (uint64_t)product;
    if ((upper & 0x1FF) == 0x1FF) {
        uint64_t more = (uint64_t)(((unsigned __int128)(digits << shift) * five[1]) >> 64);
        lower += more;
        upper += lower < more;
    }
    if (lower == UINT64_MAX && (power < -27 || power > 55))
        return 0;
    int high = (int)(upper >> 63);
    uint64_t mantissa = upper >> (high + 9);
    int exponent = ((217706 * power) >> 16) + 63 + high - shift + 1023;
    if (lower <= 1 && power >= -4 && power <= 23 && (mantissa & 3) == 1 &&
        mantissa << (high + 9) == upper)
        mantissa &= ~UINT64_C(1); /* half way between two: to the even one */
    mantissa = (mantissa + (mantissa & 1)) >> 1;
    if (mantissa >> 53) {
        mantissa >>= 1;
        exponent++;
    }
    if (exponent <= 0 || exponent >= 2047)
        return 0;
    *value = as_double((uint64_t)exponent << 52 | (mantissa & ((UINT64_C(1) << 52) - 1)));
    return 1;
}

/* What pandas 3 makes of a number; 0: that is not easily told. */
static int new_float(const struct dialect *dialect, const struct number *number, double *value)
{
    int power = number->exponent - (number->count - number->whole), dropped;
    if (number->count <= 19)
        return nearest(dialect, number->digits, power, value);
    uint64_t digits;
    leading(number, 19, 0, &digits, &dropped);
    power += dropped;
    if (!nearest(dialect, digits, power, value))
        return 0;
    double above;
    return dropped == 0 || (nearest(dialect, digits + 1, power, &above) && above == *value);
}

static const uint64_t small_tens[] = {1, 10, 100, 1000, 10000};

/* What pandas 2 makes of it: 17 digits, one by one, times or by a power of ten. */
static int old_float(const struct dialect *dialect, const struct number *number, double *value)
{
    uint64_t digits = number->digits;
    int used = number->count, dropped = 0;
    if (used > 19)
        used = leading(number, 17, 1, &digits, &dropped);
    for (; used > 17; used--)
        digits /= 10;
    double sum = (double)digits;
    if (digits >> 53) {
        /* Up to 15 digits are exact; each of the others is rounded by itself. */
        int rest = used - 15;
        sum = (double)(digits / small_tens[rest]);
        while (rest-- > 0) {
            sum *= 10;
            sum += (double)(digits / small_tens[rest] % 10);
        }
    }
    int power = number->exponent + number->whole - used;
    if (power > MOST_POWER || power < -MOST_POWER)
        return 0;
    *value = power > 0 ? sum * dialect->tens[power] : sum / dialect->tens[-power];
    return 1;
}

static int to_float(const struct dialect *dialect, const struct number *number, double *value)
{
    int told = dialect->old_decimals ? old_float(dialect, number, value)
                                     : new_float(dialect, number, value);
    if (number->negative)
        *value = -*value;
    return told;
}

static uint8_t integer_flags(const struct dialect *dialect, const struct number *number)
{
    int minus_zero = number->negative && number->digits == 0;
    int great = dialect->old_decimals && number->count > 15;
    return minus_zero || great ? INTEGER | INEXACT : INTEGER;
}

/* Cells -------------------------------------------------------------------------------------- */

static const uint8_t stops[256] = {[0] = 1, [','] = 1, ['\n'] = 1, ['\r'] = 1};

static const uint8_t *take_quoted(const uint8_t *at, const uint8_t *end, struct cell *cell)
{
    cell->start = ++at;
    cell->doubled = 0;
    for (;; at++) {
        while (at < end && *at != '"' && *at != 0)
            at++;
        if (at == end || *at == 0)
            return NULL;
        if (end - at < 2 || at[1] != '"')
            break;
        cell->doubled = 1;
        at++;
    }
    cell->size = at - cell->start;
    return ends_cell(at + 1, end) ? at + 1 : NULL;
}

/* Returns what is behind the cell; NULL: pandas has its own mind about it. */
static const uint8_t *take_cell(const uint8_t *at, const uint8_t *end, struct cell *cell)
{
    if (at < end && *at == '"')
        return take_quoted(at, end, cell);
    cell->start = at;
    cell->doubled = 0;
    while (at < end && !stops[*at])
        at++;
    cell->size = at - cell->start;
    return ends_cell(at, end) ? at : NULL;
}

static int find_word(const struct dialect *dialect, const struct cell *cell)
{
    if (cell->size > 16 || (cell->size > 0 && !dialect->may_start[*cell->start]))
        return NO_WORD;
    uint64_t word[2] = {0, 0};
    for (int64_t i = 0; i < cell->size; i++)
        ((uint8_t *)word)[i] = cell->start[i];
    for (int i = dialect->first_of_size[cell->size]; i < dialect->first_of_size[cell->size + 1]; i++)
        if (dialect->words[i][0] == word[0] && dialect->words[i][1] == word[1])
            return dialect->codes[i];
    return NO_WORD;
}

static int is_gap(const struct column *column, int word)
{
    return word < TRUE_WORD && (column->gaps >> word & 1);
}

static int same_letters(const uint8_t *at, int64_t size, const char *word)
{
    if (size != (int64_t)strlen(word))
        return 0;
    for (int64_t i = 0; i < size; i++)
        if ((at[i] | 32) != (uint8_t)word[i])
            return 0;
    return 1;
}

static int is_nearly_a_number(const uint8_t *at, const uint8_t *end)
{
    while (at < end && (is_digit(*at) || *at == '.'))
        at++;
    if (at < end && (*at | 32) == 'e') {
        at++;
        at += at < end && (*at == '+' || *at == '-');
        while (at < end && is_digit(*at))
            at++;
    }
    return at == end;
}

/* Of a cell that is no number, boolean or missing word as they are usually spelled. */
static uint8_t classify_text(const struct cell *cell)
{
    const uint8_t *at = cell->start, *end = at + cell->size;
    while (at < end && is_blank(*at))
        at++;
    while (at < end && is_blank(end[-1]))
        end--;
    at += at < end && (*at == '+' || *at == '-');
    const uint8_t *digit = at;
    while (digit < end && is_digit(*digit))
        digit++;
    uint8_t beyond = digit - at > 18 ? BEYOND : 0;
    int64_t size = end - at;
    if (is_nearly_a_number(at, end) || same_letters(at, size, "inf") ||
        same_letters(at, size, "infinity") || same_letters(at, size, "nan") ||
        same_letters(at, size, "true") || same_letters(at, size, "false"))
        return beyond | MAYBE;
    return beyond | TEXT;
}

/* Columns ------------------------------------------------------------------------------------ */

static void put_number(struct column *column, int64_t row, double value, int64_t whole)
{
    if (column->kind == FLOATS)
        ((double *)column->out)[row] = value;
    else if (column->kind == INTEGERS)
        ((int64_t *)column->out)[row] = whole;
}

/* A number as it usually stands; NULL: it is something else. */
static const uint8_t *read_number(const struct dialect *dialect, struct column *column,
                                  int64_t row, const uint8_t *at, const uint8_t *end)
{
    struct number number;
    double value = 0;
    uint8_t what = take_number(&at, end, &number);
    if (what == 0 || !ends_cell(at, end))
        return NULL;
    if (column->kind == FLOATS && !to_float(dialect, &number, &value))
        return NULL;
    int64_t whole = number.negative ? -(int64_t)number.digits : (int64_t)number.digits;
    column->flags |= what == INTEGER ? integer_flags(dialect, &number) : what;
    put_number(column, row, value, whole);
    return at;
}

static void put_text(const struct table *table, const struct column *column, int64_t row,
                     const struct cell *cell, int gap)
{
    ((uint64_t *)column->out)[row] =
        gap ? GAP : PACKED(cell->start - table->body, cell->size, cell->doubled);
}

static void put_word(struct column *column, int64_t row, int word, int gap)
{
    /* Where the others of the column are no such words, it is read again. */
    if (column->kind == FLOATS)
        ((double *)column->out)[row] = as_double(UINT64_C(0x7FF8) << 48);
    else if (column->kind == BOOLEANS || column->kind == FLAGS)
        ((uint8_t *)column->out)[row] = gap ? GAP_FLAG : word == TRUE_WORD;
}

static int quoted_number(const struct dialect *dialect, struct column *column, int64_t row,
                         const struct cell *cell)
{
    const uint8_t *end = cell->start + cell->size;
    return cell->size > 0 && read_number(dialect, column, row, cell->start, end) == end;
}

static int is_text_kind(int kind)
{
    return kind == TEXTS || kind == TOLD_TEXTS;
}

/* Whether a cell of a column that has a text already may still be more than one text more. */
static int may_count(const struct cell *cell)
{
    /* An integer of many digits: blanks, signs and digits stand before the letters. */
    return cell->size > 18 && *cell->start <= '9';
}

/* Any cell; NULL: others should read the body. */
static const uint8_t *read_cell(const struct dialect *dialect, struct table *table,
                                struct column *column, int64_t row, const uint8_t *at)
{
    struct cell cell;
    at = take_cell(at, table->body + table->size, &cell);
    if (at == NULL || cell.size >= MAX_TEXT)
        return NULL;
    int word = find_word(dialect, &cell), gap = is_gap(column, word);
    if (cell.doubled && cell.size > table->longest)
        table->longest = cell.size;
    if (is_text_kind(column->kind))
        put_text(table, column, row, &cell, gap);
    if (column->kind == TOLD_TEXTS)
        return at;
    if (word != NO_WORD) {
        column->flags |= gap ? MISSING : BOOLEAN;
        put_word(column, row, word, gap);
        return at;
    }
    if ((column->flags & TEXT) && !may_count(&cell))
        return at;
    if (!quoted_number(dialect, column, row, &cell))
        column->flags |= classify_text(&cell);
    return column->flags & BEYOND ? NULL : at;
}

static void end_chunk(struct column *columns, int64_t width)
{
    for (struct column *column = columns; column < columns + width; column++) {
        column->in_doubt |= !(column->flags & DECIMAL) && (column->flags & INEXACT);
        column->all |= column->flags;
        column->each &= column->flags;
        column->flags = 0;
    }
}

/* UNKNOWN: only pandas can tell. */
static enum kind found_kind(const struct column *column, int chunks)
{
    int all = column->all & ~INEXACT;
    if (column->kind == TOLD_TEXTS)
        return TOLD_TEXTS;
    if (all & TEXT)
        return column->each & TEXT ? TEXTS : UNKNOWN;
    if (all == BOOLEAN)
        return BOOLEANS;
    if (all == (BOOLEAN | MISSING))
        return chunks == 1 ? FLAGS : UNKNOWN;
    if (all == INTEGER)
        return INTEGERS;
    return all & ~(MISSING | INTEGER | DECIMAL) || column->in_doubt ? UNKNOWN : FLOATS;
}

static void start_columns(const struct table *table, struct column *columns)
{
    int64_t ranks[6] = {0};
    for (int64_t i = 0; i < table->width; i++) {
        struct column *column = &columns[i];
        memset(column, 0, sizeof *column);
        column->kind = table->kinds[i];
        column->each = 255;
        column->gaps = table->gaps[i];
        if (column->kind == UNKNOWN)
            continue;
        int block = block_of[column->kind];
        int64_t before = ranks[block]++ * table->rows * item_size[column->kind];
        column->out = (uint8_t *)table->blocks[block] + before;
    }
}

static const uint8_t *read_row(const struct dialect *dialect, struct table *table,
                               struct column *columns, int64_t row, const uint8_t *at)
{
    const uint8_t *end = table->body + table->size;
    for (int64_t i = 0; i < table->width; i++) {
        if (i > 0 && (at == end || *at++ != ','))
            return NULL;
        struct column *column = &columns[i];
        const uint8_t *next = NULL;
        if (column->kind <= INTEGERS)
            next = read_number(dialect, column, row, at, end);
        at = next == NULL ? read_cell(dialect, table, column, row, at) : next;
        if (at == NULL)
            return NULL;
    }
    if (at < end && *at == '\r')
        at++;
    else if (at == end)
        return at;
    return at < end && *at == '\n' ? at + 1 : NULL;
}

/* Where the line is blank pandas skips it, and what starts with a blank it trims. */
static int starts_oddly(uint8_t first)
{
    return first == '\n' || first == '\r' || first == ' ' || first == '\t';
}

/* How many rows were read into the blocks; ASIDE: others should read the body. */
int64_t drum_read(const struct dialect *dialect, struct table *table)
{
    struct column columns[MAX_COLUMNS];
    const uint8_t *at = table->body + table->start, *end = table->body + table->size;
    int64_t row = 0;
    int chunks = 0;
    table->longest = 0;
    if (table->width > MAX_COLUMNS || table->size >= MAX_BODY)
        return ASIDE;
    start_columns(table, columns);
    for (; at < end; row++) {
        if (row == table->rows && table->some)
            break;
        if (row == table->rows || starts_oddly(*at))
            return ASIDE;
        if (row > 0 && row % table->chunk == 0) {
            end_chunk(columns, table->width);
            chunks++;
        }
        at = read_row(dialect, table, columns, row, at);
        if (at == NULL)
            return ASIDE;
    }
    end_chunk(columns, table->width);
    for (int64_t i = 0; i < table->width; i++)
        table->kinds[i] = found_kind(&columns[i], chunks + 1);
    return row;
}

int64_t drum_count_lines(const uint8_t *body, int64_t size)
{
    int64_t count = 0, i = 0;
    while (i < size) {
        /* So few that their sum is a byte: compilers make wide instructions of it. */
        uint8_t some = 0;
        for (int64_t end = size - i < 255 ? size : i + 255; i < end; i++)
            some = (uint8_t)(some + (body[i] == '\n'));
        count += some;
    }
    return count + (size > 0 && body[size - 1] != '\n');
}

/* Texts -------------------------------------------------------------------------------------- */

/* Columns of texts in Arrow's layout: offsets, one more than rows, into the characters of each
 * column, which stand one after the other; bits of the values that are there, in whole bytes.
 */
struct arrow {
    const uint8_t *body;
    const uint64_t *texts;
    int64_t columns;
    int64_t rows;
    int64_t *offsets;
    uint8_t *present;
    uint8_t *characters;
    int64_t *missing; /* out: by column */
};

/* Returns how many bytes a text has without the quotes that are doubled. */
static int64_t copy_doubled(const uint8_t *from, int64_t size, uint8_t *to)
{
    const uint8_t *start = to;
    for (const uint8_t *end = from + size; from < end; from++) {
        from += *from == '"';
        *to++ = *from;
    }
    return to - start;
}

/* Most texts are short: a call for each would take longer. Whether all is ASCII. */
static int copy_short(const uint8_t *from, int64_t size, uint8_t *to)
{
    uint64_t bits = 0;
    for (; size >= 8; size -= 8, from += 8, to += 8) {
        uint64_t eight = load(from);
        memcpy(to, &eight, 8);
        bits |= eight;
    }
    for (int64_t i = 0; i < size; i++) {
        to[i] = from[i];
        bits |= from[i];
    }
    return !(bits & UINT64_C(0x8080808080808080));
}

static int follows(const uint8_t *at, int count)
{
    for (int i = 1; i <= count; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    return 1;
}

/* How many bytes the first character of a UTF-8 text has; 0: it is none. */
static int character(const uint8_t *at, int64_t left)
{
    uint8_t first = *at;
    if (first < 0x80)
        return 1;
    int size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || left < size || !follows(at, size - 1))
        return 0;
    /* No longer than it has to be, no surrogate, nothing beyond Unicode. */
    if ((first == 0xE0 && at[1] < 0xA0) || (first == 0xED && at[1] > 0x9F))
        return 0;
    if ((first == 0xF0 && at[1] < 0x90) || (first == 0xF4 && at[1] > 0x8F))
        return 0;
    return size;
}

static int is_utf8(const uint8_t *at, int64_t size)
{
    const uint8_t *end = at + size;
    while (at < end) {
        if (end - at >= 8 && !(load(at) & UINT64_C(0x8080808080808080))) {
            at += 8;
            continue;
        }
        int step = character(at, end - at);
        if (step == 0)
            return 0;
        at += step;
    }
    return 1;
}

int64_t drum_text_bytes(const uint64_t *texts, int64_t count)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += texts[i] == GAP ? 0 : (int64_t)SIZE_OF(texts[i]);
    return sum;
}

/* Returns how many of the texts of a column are missing; ASIDE: one is no text. */
static int64_t fill_arrow(const struct arrow *arrow, const uint64_t *texts, int64_t *offsets,
                          uint8_t *present, uint8_t *characters)
{
    int64_t position = 0, missing = 0;
    memset(present, 0, (size_t)((arrow->rows + 7) / 8));
    for (int64_t i = 0; i < arrow->rows; i++) {
        offsets[i] = position;
        if (texts[i] == GAP) {
            missing++;
            continue;
        }
        const uint8_t *start = arrow->body + START_OF(texts[i]);
        int64_t size = (int64_t)SIZE_OF(texts[i]);
        if (!copy_short(start, size, characters + position) && !is_utf8(start, size))
            return ASIDE;
        if (IS_DOUBLED(texts[i]))
            size = copy_doubled(start, size, characters + position);
        present[i / 8] |= (uint8_t)(1 << i % 8);
        position += size;
    }
    offsets[arrow->rows] = position;
    return missing;
}

/* Columns of texts, one after the other, as Arrow has them; ASIDE: one is no text. */
int64_t drum_arrow(const struct arrow *arrow)
{
    int64_t used = 0, bits = (arrow->rows + 7) / 8;
    for (int64_t i = 0; i < arrow->columns; i++) {
        int64_t *offsets = arrow->offsets + i * (arrow->rows + 1);
        arrow->missing[i] = fill_arrow(arrow, arrow->texts + i * arrow->rows, offsets,
                                       arrow->present + i * bits, arrow->characters + used);
        if (arrow->missing[i] < 0)
            return ASIDE;
        used += offsets[arrow->rows];
    }
    return used;
}

/* Functions of Python's C interface, and its NaN. */
struct python {
    void *(*decode)(const char *, ptrdiff_t, const char *);
    void (*keep)(void *);
    void (*release)(void *);
    void *nan;
};

#define SHARED 256

static unsigned slot_of(const uint8_t *start, int64_t size)
{
    uint64_t hash = (uint64_t)size;
    for (int64_t i = 0; i < size && i < 16; i++)
        hash = (hash ^ start[i]) * UINT64_C(0x100000001B3);
    return (unsigned)(hash >> 32 ^ hash) % SHARED;
}

static void *new_text(const struct python *python, const uint8_t *start, uint64_t text,
                      uint8_t *scratch)
{
    ptrdiff_t size = (ptrdiff_t)SIZE_OF(text);
    if (!IS_DOUBLED(text))
        return python->decode((const char *)start, size, NULL);
    return python->decode((const char *)scratch, copy_doubled(start, size, scratch), NULL);
}

/* A text that was met before, as it stands and as an object. */
struct met {
    uint64_t text;
    void *object;
};

static int is_same(const uint8_t *body, uint64_t one, uint64_t other)
{
    /* Their sizes, and whether quotes are doubled. */
    if ((one ^ other) & ((1 << 24) - 1))
        return 0;
    return memcmp(body + START_OF(one), body + START_OF(other), (size_t)SIZE_OF(one)) == 0;
}

static void *shared_text(const struct python *python, const uint8_t *body, uint64_t text,
                         struct met *met, uint8_t *scratch)
{
    const uint8_t *start = body + START_OF(text);
    struct met *last = &met[slot_of(start, (int64_t)SIZE_OF(text))];
    if (last->object != NULL && is_same(body, text, last->text)) {
        python->keep(last->object);
        return last->object;
    }
    void *object = new_text(python, start, text, scratch);
    *last = (struct met){text, object};
    return object;
}

/* A column of Python's own objects, equal texts mostly shared. With an error in the interpreter,
 * which has to be held, where one is no text. `scratch` has room for the longest doubled one.
 */
int64_t drum_objects(const struct python *python, const uint8_t *body, const uint64_t *texts,
                     int64_t count, void **objects, uint8_t *scratch)
{
    struct met met[SHARED];
    memset(met, 0, sizeof met);
    for (int64_t i = 0; i < count; i++) {
        void *object = python->nan;
        if (texts[i] == GAP)
            python->keep(object);
        else
            object = shared_text(python, body, texts[i], met, scratch);
        if (object == NULL)
            return ASIDE;
        python->release(objects[i]);
        objects[i] = object;
    }
    return 0;
}

int64_t drum_version(void)
{
    return VERSION;
}
