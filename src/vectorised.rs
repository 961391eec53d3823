//! Functions of plain Rust that are compiled a second time, for vectors of 256 bits.

/// Declares functions, each of which is the one behind the `=`, compiled for AVX2 where the CPU has it and else for any CPU. That one is
/// `#[inline(always)]`. What it computes is the same: no instruction is used that rounds otherwise.
macro_rules! vectorised {
    ($($(#[$meta:meta])* $visibility:vis fn $name:ident $(<const $count:ident: usize>)?
        ($($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)? = $body:path;)*) => {
        $(
            $(#[$meta])*
            $visibility fn $name $(<const $count: usize>)? ($($argument: $kind),*) $(-> $result)? {
                #[cfg(target_arch = "x86_64")]
                if is_x86_feature_detected!("avx2") {
                    #[target_feature(enable = "avx2")]
                    fn avx2 $(<const $count: usize>)? ($($argument: $kind),*) $(-> $result)? {
                        $body($($argument),*)
                    }
                    // SAFETY: the CPU has the feature; the function itself is safe.
                    #[allow(unsafe_code, reason = "a function for a feature that was found")]
                    return unsafe { avx2($($argument),*) };
                }
                $body($($argument),*)
            }
        )*
    };
}

pub(crate) use vectorised;
