/* SPDX-License-Identifier: MIT
 *
 * stb takes its memory through the functions below. Decoding is given zeroed
 * memory, since damaged files make it use what it never wrote, and no block
 * larger than the picture can need; what it forgets to free is freed. Encoding
 * does not look at the result of its allocations: they come from a list, and a
 * failure jumps out of stb and frees the list.
 */
#include "io/stb.h"

#include <limits.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- memory for decoding ----------------------------------------------- */

enum {
    MAX_BLOCKS = 32 /* that are in use at one time; stb needs about ten */
};

typedef struct decode_memory {
    size_t max_bytes; /* of a block */
    bool was_exceeded, has_failed;
    void *blocks[MAX_BLOCKS]; /* NULL: free place */
} decode_memory;

/* stb passes no context to its allocator. Set only while a call lasts. */
static _Thread_local decode_memory *decoding;

/* Where this block is kept; NULL finds a free place. */
static void **decode_place(const void *block)
{
    for (size_t i = 0; i < MAX_BLOCKS; i++) {
        if (decoding->blocks[i] == block)
            return &decoding->blocks[i];
    }
    return NULL;
}

/* The new bytes are zero. */
static void *decode_realloc(void *old, size_t old_bytes, size_t n_bytes)
{
    void **place = decode_place(old);
    if (n_bytes > decoding->max_bytes) {
        decoding->was_exceeded = true;
        return NULL;
    }
    /* calloc() has zeros for large blocks at no cost. */
    const size_t wanted = n_bytes ? n_bytes : 1;
    uint8_t *block = NULL;
    if (place)
        block = old ? realloc(old, wanted) : calloc(1, wanted);
    if (!block) {
        decoding->has_failed = true;
        return NULL;
    }
    if (old && n_bytes > old_bytes)
        memset(block + old_bytes, 0, n_bytes - old_bytes);
    *place = block;
    return block;
}

static void decode_free(void *block)
{
    if (block) {
        void **place = decode_place(block);
        if (place)
            *place = NULL;
        free(block);
    }
}

/* stb forgets blocks on some of its ways out. */
static void decode_free_forgotten(decode_memory *memory, const void *result)
{
    for (size_t i = 0; i < MAX_BLOCKS; i++) {
        if (memory->blocks[i] != result)
            free(memory->blocks[i]);
    }
}

/* ---- memory for encoding ----------------------------------------------- */

typedef union encode_block {
    struct {
        union encode_block *next, *previous;
    } link;
    max_align_t alignment;
} encode_block;

typedef struct encode_arena {
    jmp_buf no_memory;
    encode_block *first;
} encode_arena;

static _Thread_local encode_arena *encoding;

static void encode_unlink(encode_block *block)
{
    if (block->link.previous)
        block->link.previous->link.next = block->link.next;
    else
        encoding->first = block->link.next;
    if (block->link.next)
        block->link.next->link.previous = block->link.previous;
}

static void encode_free(void *bytes)
{
    if (bytes) {
        encode_block *block = (encode_block *)bytes - 1;
        encode_unlink(block);
        free(block);
    }
}

static void *encode_realloc(void *old, size_t n_bytes)
{
    encode_block *block = old ? (encode_block *)old - 1 : NULL;
    if (block)
        encode_unlink(block);
    encode_block *grown = realloc(block, sizeof *grown + n_bytes);
    if (!grown) {
        free(block);
        longjmp(encoding->no_memory, 1);
    }
    grown->link.previous = NULL;
    grown->link.next = encoding->first;
    if (encoding->first)
        encoding->first->link.previous = grown;
    encoding->first = grown;
    return grown + 1;
}

/* ---- stb ---------------------------------------------------------------- */

/* Its headers declare more than our switches leave; and what longjmp() may
 * spoil in an encoder is not looked at afterwards. */
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-function"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wclobbered"
#endif
#endif

/* PNM is read by picture_pnm.c: stb takes 16-bit samples in the wrong byte
 * order. */
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_ONLY_TGA
#define STBI_ONLY_GIF
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_MAX_DIMENSIONS STB_MAX_SIDE
#define STBI_FAILURE_USERMSG
#define STBI_ASSERT(x)                ((void)0) /* some depend on the file */
#define STBI_MALLOC(n)                decode_realloc(NULL, 0, n)
#define STBI_REALLOC_SIZED(p, old, n) decode_realloc(p, old, n)
#define STBI_FREE(p)                  decode_free(p)
#include <stb/stb_image.h>

#define STB_IMAGE_RESIZE_IMPLEMENTATION
#define STB_IMAGE_RESIZE_STATIC
#define STBIR_ASSERT(x) ((void)0) /* some are on rounding errors */
#include <stb/stb_image_resize.h>

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#define STBIW_ASSERT(x)     ((void)0)
#define STBIW_MALLOC(n)     encode_realloc(NULL, n)
#define STBIW_REALLOC(p, n) encode_realloc(p, n)
#define STBIW_FREE(p)       encode_free(p)
#include <stb/stb_image_write.h>

/* ---- decoding ------------------------------------------------------------ */

static bovw_status decode_failure(const decode_memory *memory, const char *name,
                                  bovw_error *err)
{
    const char *reason = stbi_failure_reason();
    if (!reason)
        reason = "damaged";
    if (memory->was_exceeded)
        return fail(err, BOVW_ERR_CORRUPT, "%s: unpacks to more than its size", name);
    if (memory->has_failed || strcmp(reason, "Out of memory") == 0)
        return fail(err, BOVW_ERR_NOMEM, "%s: out of memory", name);
    if (strstr(reason, "not supported"))
        return fail(err, BOVW_ERR_FORMAT, "%s: %s", name, reason);
    if (strstr(reason, "arge"))
        return fail(err, BOVW_ERR_LIMIT, "%s: too large to decode", name);
    return fail(err, BOVW_ERR_CORRUPT, "%s: damaged picture (%s)", name, reason);
}

bovw_status stb_decode(const uint8_t *bytes, size_t n_bytes, uint32_t channels,
                       size_t max_memory, const char *name, bovw_image *image,
                       bovw_error *err)
{
    decode_memory memory = {.max_bytes = max_memory};
    int width, height, n_channels;

    if (n_bytes > INT_MAX)
        return fail(err, BOVW_ERR_LIMIT, "%s: larger than %d bytes", name, INT_MAX);
    decoding = &memory;
    stbi__g_failure_reason = NULL; /* else a failure without text has an older one */
    uint8_t *pixels = stbi_load_from_memory(bytes, (int)n_bytes, &width, &height,
                                            &n_channels, (int)channels);
    decoding = NULL;
    decode_free_forgotten(&memory, pixels);
    if (!pixels)
        return decode_failure(&memory, name, err);
    *image = (bovw_image){.width = (uint32_t)width,
                          .height = (uint32_t)height,
                          .channels = channels ? channels : (uint32_t)n_channels,
                          .pixels = pixels};
    return BOVW_OK;
}

/* ---- scaling ------------------------------------------------------------- */

bool stb_resize(const bovw_image *from, uint32_t width, uint32_t height, uint8_t *pixels)
{
    return stbir_resize_uint8_generic(
               from->pixels, (int)from->width, (int)from->height, 0, pixels, (int)width,
               (int)height, 0, (int)from->channels, STBIR_ALPHA_CHANNEL_NONE, 0,
               STBIR_EDGE_CLAMP, STBIR_FILTER_DEFAULT, STBIR_COLORSPACE_LINEAR, NULL) != 0;
}

/* ---- encoding ------------------------------------------------------------ */

/* What setjmp() returns to keeps no local variables. */
static uint8_t *encode_png_in(encode_arena *arena, const bovw_image *image, int *n_bytes)
{
    if (setjmp(arena->no_memory) != 0)
        return NULL;
    return stbi_write_png_to_mem(image->pixels, 0, (int)image->width, (int)image->height,
                                 (int)image->channels, n_bytes);
}

uint8_t *stb_encode_png(const bovw_image *image, size_t *n_bytes)
{
    encode_arena arena = {.first = NULL};
    int n = 0;

    encoding = &arena;
    const uint8_t *png = encode_png_in(&arena, image, &n);
    uint8_t *copy = png ? malloc((size_t)n) : NULL;
    if (copy) {
        memcpy(copy, png, (size_t)n);
        *n_bytes = (size_t)n;
    }
    while (arena.first)
        encode_free(arena.first + 1);
    encoding = NULL;
    return copy;
}

typedef struct growing_bytes {
    uint8_t *bytes;
    size_t n, capacity;
    bool has_failed;
} growing_bytes;

static void append_bytes(void *context, void *bytes, int n_bytes)
{
    growing_bytes *out = context;
    if (out->has_failed || n_bytes <= 0)
        return;
    if (!mem_grow(&out->bytes, &out->capacity, out->n + (size_t)n_bytes, 1)) {
        out->has_failed = true;
        return;
    }
    memcpy(out->bytes + out->n, bytes, (size_t)n_bytes);
    out->n += (size_t)n_bytes;
}

uint8_t *stb_encode_jpeg(const bovw_image *image, int quality, size_t *n_bytes)
{
    growing_bytes out = {0};
    if (!stbi_write_jpg_to_func(append_bytes, &out, (int)image->width, (int)image->height,
                                (int)image->channels, image->pixels, quality) ||
        out.has_failed) {
        free(out.bytes);
        return NULL;
    }
    *n_bytes = out.n;
    return out.bytes;
}
