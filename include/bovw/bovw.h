/* bovw.h - bag-of-visual-words image search; includes every public header.
 *
 * SPDX-License-Identifier: MIT
 *
 * In reading order: status, monitor, image, features, vocabulary, index,
 * verify, search, pairs, encoder, vectors, metric, lsi, lsh, eval, compare, report. Nothing
 * in the library prints, exits or keeps global state. An open index, vocabulary, feature
 * file or ground truth is immutable and may be used by any number of threads; extractors,
 * searchers and verifiers are the scratch of one thread.
 */
#ifndef BOVW_BOVW_H
#define BOVW_BOVW_H

#include "bovw/compare.h"
#include "bovw/encoder.h"
#include "bovw/eval.h"
#include "bovw/features.h"
#include "bovw/image.h"
#include "bovw/index.h"
#include "bovw/lsh.h"
#include "bovw/lsi.h"
#include "bovw/metric.h"
#include "bovw/monitor.h"
#include "bovw/pairs.h"
#include "bovw/report.h"
#include "bovw/search.h"
#include "bovw/status.h"
#include "bovw/vectors.h"
#include "bovw/verify.h"
#include "bovw/vocabulary.h"

#endif
