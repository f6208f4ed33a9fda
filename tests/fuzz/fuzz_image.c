/* SPDX-License-Identifier: MIT
 *
 * Pictures of every format and their EXIF data.
 */
#include "bovw/image.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    for (uint32_t channels = 1; channels <= 3; channels += 2) {
        bovw_image image;
        if (bovw_image_decode(bytes, n, channels, 64, "input", &image, NULL) != BOVW_OK)
            continue;
        FUZZ_EXPECT(image.width >= 1 && image.width <= 64);
        FUZZ_EXPECT(image.height >= 1 && image.height <= 64);
        uint32_t sum = 0;
        for (uint32_t i = 0; i < image.width * image.height * image.channels; i++)
            sum += image.pixels[i];
        FUZZ_EXPECT(sum <= 64 * 64 * 3 * 255);
        bovw_image_free(&image);
    }
    return 0;
}
