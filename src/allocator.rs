//! The C library's allocator: its settings for the large buffers of photos, and what it keeps of freed memory.
#![allow(unsafe_code, reason = "calls of the C library, which have no safe form")]

/// Buffers of at least this many bytes are mapped individually (`mmap`) and unmapped when freed. Whatever
/// grows with a photo is larger, and whatever inference reuses is pooled.
#[cfg(target_env = "gnu")]
const OWN_MAPPING_BYTES: libc::c_int = 1 << 20;

/// Makes glibc return freed large buffers to the operating system at once. Its default threshold is
/// dynamic: it grows up to 32 MiB with every large buffer that is freed; photos then land on the heap
/// among small allocations, and the process keeps twice the memory it needs. Call this before threads
/// start. No effect with other C libraries.
pub fn give_back_large_buffers() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt takes two integers and only sets a parameter of the allocator, under its own lock.
    // A parameter it does not know is refused by its return value, and then nothing has changed.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_MAPPING_BYTES);
    }
}

/// Freed bytes at the end of a heap that are kept until [`give_back_freed_pages`], and after it.
#[cfg(target_env = "gnu")]
const KEPT_BYTES: [libc::c_int; 2] = [64 << 20, 128 << 10];

/// Makes glibc keep what is freed at the end of a heap, until [`give_back_freed_pages`]. Whoever reads many people frees some megabytes again
/// and again: to return them and ask for them anew costs a third of all page faults of a start. No effect with other C libraries.
pub fn keep_freed_pages() {
    #[cfg(target_env = "gnu")]
    // SAFETY: as in `give_back_large_buffers`.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES[0]);
    }
}

/// Makes glibc return the pages of small allocations that were freed, too: loading the models leaves ten megabytes of them,
/// reading many people tens. Takes up to a second for gigabytes, in which other threads wait that allocate. No effect with other C libraries.
pub fn give_back_freed_pages() {
    #[cfg(target_env = "gnu")]
    // SAFETY: as in `give_back_large_buffers`; malloc_trim takes the number of bytes to keep at the end of the heap, and works under the
    // allocator's own locks.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES[1]);
        libc::malloc_trim(0);
    }
}
