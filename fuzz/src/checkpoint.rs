//! A PyTorch checkpoint: the file as it is, and as the pickle in an archive whose checksums are right.

use facerec::models::checkpoint::Checkpoint;

use super::archive::stored_zip;

/// Larger tensors are left out: a caller asks for shapes that it knows, so a claim costs nothing.
const MAX_NUMBERS: usize = 1 << 16;
/// Sizes of the archive's storages, bytes: those of `tests/golden/checkpoints/odd_zip.pt`.
const STORAGE_LENS: [usize; 8] = [96, 48, 192, 48, 24, 4, 4, 0];

/// Runs the target.
pub fn run(file: &[u8]) {
    read(file);
    if file.first() == Some(&0x80) {
        read(&archive_of(file));
    }
}

fn archive_of(pickle: &[u8]) -> Vec<u8> {
    let names: Vec<String> = (0..STORAGE_LENS.len()).map(|key| format!("a/data/{key}")).collect();
    let storages = names.iter().zip(STORAGE_LENS).map(|(name, len)| (name.as_str(), &[1_u8; 192][..len]));
    let files: Vec<(&str, &[u8])> = std::iter::once(("a/data.pkl", pickle)).chain(storages).collect();
    stored_zip(&files)
}

fn read(file: &[u8]) {
    let Ok(mut checkpoint) = Checkpoint::open(file) else { return };
    let names: Vec<String> = checkpoint.names().map(str::to_owned).collect();
    for name in names {
        let shape = checkpoint.shape(&name).expect("a listed tensor has a shape").to_vec();
        let numbers = shape.iter().try_fold(1_usize, |product, side| product.checked_mul(*side));
        let Some(numbers) = numbers.filter(|numbers| *numbers <= MAX_NUMBERS) else { continue };
        if let Ok(tensor) = checkpoint.tensor(&name, &shape) {
            assert_eq!(tensor.len(), numbers);
        }
    }
}
