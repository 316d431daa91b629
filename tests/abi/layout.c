/* Sizes and offsets as C and C++ see them; compiled by every compiler and standard, never run. */
#include "datastreams.h"

#ifdef __cplusplus
#define ASSERT(condition) static_assert(condition, #condition)
#elif __STDC_VERSION__ >= 201112L
#define ASSERT(condition) _Static_assert(condition, #condition)
#else
#define JOIN2(a, b) a##b
#define JOIN(a, b) JOIN2(a, b)
#define ASSERT(condition) typedef char JOIN(assertion_, __LINE__)[(condition) ? 1 : -1]
#endif

#if defined(__cplusplus) || __STDC_VERSION__ >= 201112L
#ifdef __cplusplus
#define ALIGN(type) alignof(type)
#else
#define ALIGN(type) _Alignof(type)
#endif
#else
#define ALIGN(type) __alignof__(type)
#endif

#define STRUCT(type, size, align) ASSERT(sizeof(type) == (size) && ALIGN(type) == (align));
#define FIELD(type, field, offset, size)                                                         \
  ASSERT(offsetof(type, field) == (offset) && sizeof(((type *)0)->field) == (size));

#if defined(__GNUC__) && !defined(__cplusplus)
#pragma GCC diagnostic ignored "-Wunused-local-typedefs"
#endif
#include "layout.inc"

/* Every initializer in every place where it is documented to work. */
static const ds_str tags[] = {DS_STR_INIT("direction:in"), DS_STR_INIT("type:kafka")};
static const ds_config config = DS_CONFIG_INIT;
static const ds_options options = DS_OPTIONS_INIT;

const void *layout_uses_everything(void);
const void *layout_uses_everything(void) {
  ds_config mine = DS_CONFIG_INIT;
  ds_options mine_too = DS_OPTIONS_INIT;
  mine.service = DS_STR("checkout");
  mine_too.now_ns = 1;
  if (mine.service.len != 8 || DS_STR("").len != 0 || mine.struct_size != sizeof(ds_config)) return &config;
  if (mine_too.struct_size != sizeof(ds_options)) return &options;
  return DS_OK == 0 && -DS_ERR_NULL == 1 ? (const void *)tags : (const void *)DS_HEADER_KEY;
}
