//! How the allocator treats the large buffers of photos.
#![allow(unsafe_code, reason = "one call of the C library, which has no safe form")]

/// Buffers of at least this many bytes are taken from the system one by one and given back when they
/// are freed. Everything that grows with a photo is above it, everything that inference uses again is
/// pooled.
#[cfg(target_env = "gnu")]
const OWN_MAPPING_BYTES: libc::c_int = 4 << 20;

/// Makes glibc give large buffers back to the system at once. By itself it raises the size from which
/// it does so, up to 32 MiB, with every large buffer that is freed; photos then end up among small
/// allocations, and the process keeps twice the memory it needs. To be called before threads start.
/// Other C libraries are left as they are.
pub fn give_back_large_buffers() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt takes two integers and only sets a parameter of the allocator, under its own lock.
    // A parameter it does not know is refused by its return value, and then nothing has changed.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_MAPPING_BYTES);
    }
}
