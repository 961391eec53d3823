//! Runs a case on every kernel of this processor and compares.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::error::ModelError;
use crate::native::kernels::{Isa, Kernels};

/// Largest difference from plain sums, relative to values above 1.
const TOLERANCE: f64 = 1e-4;

/// All kernels of this processor, and what the scalar ones have computed so far.
pub(crate) struct Checker {
    kernels: Vec<Kernels>,
    scalar: Kernels,
    digest: DefaultHasher,
    cases: usize,
}

impl Checker {
    pub(crate) fn new() -> Self {
        let of = |isa| Kernels::new(isa).unwrap_or_else(|ModelError::Run(reason)| panic!("{reason}"));
        let available = Isa::ALL.into_iter().filter(|isa| isa.is_available());
        Self {
            kernels: available.map(of).collect(),
            scalar: of(Isa::Scalar),
            digest: DefaultHasher::new(),
            cases: 0,
        }
    }

    /// The instruction sets that are compared.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.kernels.iter().map(|kernels| kernels.isa().name()).collect()
    }

    /// Number of cases so far.
    pub(crate) fn cases(&self) -> usize {
        self.cases
    }

    /// Digest of all results of the scalar kernels: the same on every processor.
    pub(crate) fn digest(&self) -> u64 {
        self.digest.finish()
    }

    /// Each kernel gives the scalar kernel's results. Zero has one sign: a rectifier of vectors may keep that of -0.
    pub(crate) fn same<T: Copy + Into<f64>>(&mut self, what: &str, run: impl Fn(Kernels) -> Vec<T>) {
        let expected = run(self.scalar);
        self.note(&expected);
        for &kernels in &self.kernels {
            let found = run(kernels);
            assert_eq!(found.len(), expected.len(), "{what}, {}", kernels.isa());
            for (index, (&found, &expected)) in found.iter().zip(&expected).enumerate() {
                let (found, expected) = (found.into(), expected.into());
                assert!(
                    found == expected,
                    "{what}, {}, number {index}: {found:e}, expected {expected:e} as the scalar kernel",
                    kernels.isa()
                );
            }
        }
    }

    /// Each kernel, the scalar one too, is as near to the plain sums as the order of its sums and their rounding allow.
    pub(crate) fn near(&mut self, what: &str, expected: &[f64], run: impl Fn(Kernels) -> Vec<f32>) {
        self.within(what, expected, |value| TOLERANCE * value.abs().max(1.0), run);
    }

    /// The same, as near as `allowed` says for each expected value.
    pub(crate) fn within(
        &mut self,
        what: &str,
        expected: &[f64],
        allowed: impl Fn(f64) -> f64,
        run: impl Fn(Kernels) -> Vec<f32>,
    ) {
        self.note(&run(self.scalar));
        for &kernels in &self.kernels {
            let found = run(kernels);
            assert_eq!(found.len(), expected.len(), "{what}, {}", kernels.isa());
            for (index, (&found, &expected)) in found.iter().zip(expected).enumerate() {
                let allowed = allowed(expected);
                assert!(
                    (f64::from(found) - expected).abs() <= allowed,
                    "{what}, {}, number {index}: {found}, expected {expected} +- {allowed}",
                    kernels.isa()
                );
            }
        }
    }

    fn note<T: Copy + Into<f64>>(&mut self, results: &[T]) {
        self.cases += 1;
        for &value in results {
            (value.into() + 0.0).to_bits().hash(&mut self.digest);
        }
    }
}
