//! The precision in which the embedder computes.

use super::kernels::Isa;

/// The numbers that FaceNet multiplies. The first layer and the last are of floats in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// 16-bit integers, summed exactly in 32 bits.
    Int16,
}

impl Precision {
    /// All precisions, the most precise first.
    pub const ALL: [Self; 2] = [Self::F32, Self::Int16];

    /// The fastest on an instruction set: integers where they have a kernel of their own.
    #[must_use]
    pub fn fastest(isa: Isa) -> Self {
        match isa {
            Isa::Scalar | Isa::Neon => Self::F32,
            Isa::Avx2 | Isa::Avx512 => Self::Int16,
        }
    }

    /// `f32` or `int16`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Int16 => "int16",
        }
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
