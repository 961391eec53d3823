//! The old service's pickle.

use facerec::gallery::pickle::{import, read};

/// Runs the target.
pub fn run(file: &[u8]) {
    let Ok(people) = read(file) else { return };
    for (name, embeddings) in &people {
        assert!(!name.is_empty());
        for embedding in embeddings {
            let norm = embedding.values().iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
            assert!((norm - 1.0).abs() < 1e-3, "norm {norm}");
        }
    }
    if let Ok(gallery) = import(file) {
        gallery.prepare();
    }
}
