/* pictures.h - small picture files made byte by byte.
 *
 * All show the same 24 x 16 pixels: red grows to the right, green downwards,
 * blue is constant. The files in tests/data/pictures show them as well. */
#ifndef TESTS_PICTURES_H
#define TESTS_PICTURES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum {
    WIDTH = 24,
    HEIGHT = 16
};

typedef struct bytes {
    uint8_t *data;
    size_t n, capacity;
} bytes;

static inline void put(bytes *b, const void *data, size_t n)
{
    if (n == 0)
        return;
    if (b->n + n > b->capacity) {
        b->capacity = 2 * (b->n + n);
        b->data = realloc(b->data, b->capacity);
        if (!b->data)
            abort();
    }
    memcpy(b->data + b->n, data, n);
    b->n += n;
}

static inline void put8(bytes *b, uint32_t v)
{
    const uint8_t byte = (uint8_t)v;
    put(b, &byte, 1);
}

static inline void put16(bytes *b, uint32_t v)
{
    put8(b, v);
    put8(b, v >> 8);
}

static inline void put32(bytes *b, uint32_t v)
{
    put16(b, v);
    put16(b, v >> 16);
}

static inline void put_text(bytes *b, const char *text)
{
    put(b, text, strlen(text));
}

static inline uint8_t red_at(int x)
{
    return (uint8_t)(x * 10);
}

static inline uint8_t green_at(int y)
{
    return (uint8_t)(y * 15);
}

enum {
    BLUE = 128
};

/* The picture itself, (HEIGHT, WIDTH, 3). */
static inline const uint8_t *pattern(void)
{
    static uint8_t pixels[WIDTH * HEIGHT * 3];
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        pixels[3 * i] = red_at(i % WIDTH);
        pixels[3 * i + 1] = green_at(i / WIDTH);
        pixels[3 * i + 2] = BLUE;
    }
    return pixels;
}

static inline uint8_t grey_of(const uint8_t *rgb)
{
    return (uint8_t)((77 * rgb[0] + 150 * rgb[1] + 29 * rgb[2]) >> 8);
}

static inline void put_bgr(bytes *b, int x, int y)
{
    put8(b, BLUE);
    put8(b, green_at(y));
    put8(b, red_at(x));
}

/* 24 bits a pixel, rows from the bottom, or from the top. */
static inline bytes make_bmp(bool from_top)
{
    bytes b = {0};
    put_text(&b, "BM");
    put32(&b, 54 + WIDTH * HEIGHT * 3);
    put32(&b, 0);
    put32(&b, 54);
    put32(&b, 40);
    put32(&b, WIDTH);
    put32(&b, from_top ? (uint32_t)-HEIGHT : HEIGHT);
    put16(&b, 1);
    put16(&b, 24);
    for (int i = 0; i < 6; i++)
        put32(&b, 0);
    for (int row = 0; row < HEIGHT; row++) {
        for (int x = 0; x < WIDTH; x++)
            put_bgr(&b, x, from_top ? row : HEIGHT - 1 - row);
    }
    return b;
}

/* A palette of n greys i -> 10 i; pixel x of each row has index x. */
static inline bytes make_palette_bmp(uint32_t n_colours)
{
    bytes b = {0};
    const uint32_t offset = 54 + 4 * n_colours;
    put_text(&b, "BM");
    put32(&b, offset + WIDTH * HEIGHT);
    put32(&b, 0);
    put32(&b, offset);
    put32(&b, 40);
    put32(&b, WIDTH);
    put32(&b, HEIGHT);
    put16(&b, 1);
    put16(&b, 8);
    for (int i = 0; i < 6; i++)
        put32(&b, 0);
    for (uint32_t i = 0; i < n_colours; i++)
        put32(&b, 0x010101u * red_at((int)i));
    for (int i = 0; i < WIDTH * HEIGHT; i++)
        put8(&b, (uint32_t)(i % WIDTH));
    return b;
}

static inline void put_tga_head(bytes *b, uint32_t kind, uint32_t n_bits, uint32_t flags)
{
    put8(b, 3); /* length of the text behind the header */
    put8(b, 0);
    put8(b, kind);
    put(b, "\0\0\0\0\0\0\0\0\0", 9);
    put16(b, WIDTH);
    put16(b, HEIGHT);
    put8(b, n_bits);
    put8(b, flags);
    put_text(b, "abc");
}

static inline bytes make_tga(bool from_top)
{
    bytes b = {0};
    put_tga_head(&b, 2, 24, from_top ? 0x20 : 0);
    for (int row = 0; row < HEIGHT; row++) {
        for (int x = 0; x < WIDTH; x++)
            put_bgr(&b, x, from_top ? row : HEIGHT - 1 - row);
    }
    return b;
}

/* Each row is a run of one pixel and a packet of the other 23. */
static inline bytes make_run_length_tga(void)
{
    bytes b = {0};
    put_tga_head(&b, 10, 24, 0x20);
    for (int y = 0; y < HEIGHT; y++) {
        put8(&b, 0x80);
        put_bgr(&b, 0, y);
        put8(&b, WIDTH - 1 - 1);
        for (int x = 1; x < WIDTH; x++)
            put_bgr(&b, x, y);
    }
    return b;
}

/* P6, or P5 with red alone. */
static inline bytes make_pnm(int kind, uint32_t largest)
{
    bytes b = {0};
    char head[64];
    snprintf(head, sizeof head, "P%d\n# a comment 7 7\n%d %d\n%u\n", kind, WIDTH, HEIGHT,
             largest);
    put_text(&b, head);
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        for (int c = 0; c < (kind == 6 ? 3 : 1); c++) {
            const uint32_t v = pattern()[3 * i + c] * largest / 255;
            if (largest > 255)
                put8(&b, v >> 8);
            put8(&b, v);
        }
    }
    return b;
}

/* A grey palette i -> 10 i; pixel x of each row has index x. Codes stay at
 * eight bits, since a clear code comes before they would grow. */
static inline bytes make_gif(bool has_second_frame)
{
    enum {
        CLEAR = 128,
        END = 129
    };
    bytes b = {0};
    put_text(&b, "GIF89a");
    put16(&b, WIDTH);
    put16(&b, HEIGHT);
    put8(&b, 0x80 | 6);
    put16(&b, 0);
    for (int i = 0; i < 128; i++) {
        for (int c = 0; c < 3; c++)
            put8(&b, red_at(i < WIDTH ? i : 0));
    }
    put(&b, "\x21\xfe\x05hello\0", 9); /* a comment */
    for (int frame = 0; frame <= has_second_frame; frame++) {
        put8(&b, 0x2c);
        put32(&b, 0);
        put16(&b, WIDTH);
        put16(&b, HEIGHT);
        put8(&b, 0);
        put8(&b, 7);
        for (int y = 0; y < HEIGHT; y++) {
            put8(&b, 1 + WIDTH + (y == HEIGHT - 1));
            put8(&b, CLEAR);
            for (int x = 0; x < WIDTH; x++)
                put8(&b, (uint32_t)(frame ? WIDTH - 1 - x : x));
            if (y == HEIGHT - 1)
                put8(&b, END);
        }
        put8(&b, 0);
    }
    put8(&b, 0x3b);
    return b;
}

/* An EXIF segment that says nothing but an orientation. */
static inline bytes make_exif(uint32_t orientation, bool is_big_endian)
{
    bytes b = {0};
    put(&b,
        "\xff\xe1\x00\x22"
        "Exif\0\0",
        10);
    if (is_big_endian) {
        put(&b, "MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", 19);
        put8(&b, orientation);
        put16(&b, 0);
    } else {
        put(&b, "II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 18);
        put16(&b, orientation);
        put16(&b, 0);
    }
    while (b.n < 2 + 0x22)
        put8(&b, 0);
    return b;
}

/* CRC-32 bit by bit. */
static inline uint32_t slow_crc32(const uint8_t *data, size_t n)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < 8 * n; i++) {
        const uint32_t bit = data[i / 8] >> (i % 8) & 1;
        crc = (crc ^ bit) & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

static inline void store_be32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Change the size that a PNG says it has, checksum included. */
static inline void set_png_size(uint8_t *png, uint32_t width, uint32_t height)
{
    store_be32(png + 16, width);
    store_be32(png + 20, height);
    store_be32(png + 29, slow_crc32(png + 12, 17));
}

#endif
