// AddressSanitizer's settings for fuzz targets; ASAN_OPTIONS goes before them. A run allocates some
// kilobytes, so that a use after free is seen with a small quarantine as well, while the default of 256 MB
// has every allocation in cold memory; and of who allocated a block ten frames say enough.
extern "C" const char* __asan_default_options() { return "quarantine_size_mb=16:malloc_context_size=10"; }
