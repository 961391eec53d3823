//! The pickled part of a checkpoint: names, shapes and storages of its tensors.

use std::collections::BTreeMap;

use super::storage::{ElementType, StorageRef, TensorView};
use crate::pickle::{Pickle, Rules, Value};

/// Longest name of a tensor or a storage, bytes.
const MAX_NAME: usize = 512;

/// The functions and classes with which a state dict is pickled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Torch {
    /// `collections.OrderedDict`: the state dict, and the hooks that no tensor has.
    OrderedDict,
    /// `torch._utils._rebuild_tensor_v2`: a view of a storage.
    RebuildTensor,
    /// `torch._utils._rebuild_parameter`: a tensor wrapped as a parameter.
    RebuildParameter,
    /// The classes of storages, such as `torch.FloatStorage`.
    Storage(ElementType),
}

fn resolve(module: &str, name: &str) -> Option<Torch> {
    match (module, name) {
        ("collections", "OrderedDict") => Some(Torch::OrderedDict),
        ("torch._utils", "_rebuild_tensor_v2") => Some(Torch::RebuildTensor),
        ("torch._utils", "_rebuild_parameter") => Some(Torch::RebuildParameter),
        ("torch", class) => ElementType::of_class(class).map(Torch::Storage),
        _ => None,
    }
}

/// What checkpoints may name.
pub(super) const RULES: Rules<'static, Torch> = Rules {
    resolve: &resolve,
    expected: "what a state dict of tensors needs (collections.OrderedDict, torch._utils._rebuild_tensor_v2, \
               torch._utils._rebuild_parameter, torch's storages)",
    persistent_ids: true,
};

/// The tensors of a state dict.
pub(super) fn tensors(pickle: &Pickle<'_, Torch>) -> Result<BTreeMap<String, TensorView>, String> {
    let root = pickle.root();
    let mut tensors = BTreeMap::new();
    let mut add = |(key, value): (Value<'_, '_, Torch>, Value<'_, '_, Torch>)| {
        let name = name(key, "a tensor")?;
        let tensor = tensor(value).map_err(|reason| format!("tensor {}: {reason}", name.escape_debug()))?;
        if tensors.contains_key(name) {
            return Err(format!("the name {} stands twice in the state dict", name.escape_debug()));
        }
        tensors.insert(name.to_owned(), tensor);
        Ok(())
    };
    if let Some(mut pairs) = root.pairs() {
        pairs.try_for_each(&mut add)?;
    } else if let Some(call) = root.call().filter(|call| call.callable == Torch::OrderedDict) {
        call.pairs().try_for_each(&mut add)?;
    } else {
        return Err(format!("expected a state dict, found {}", root.kind()));
    }
    Ok(tensors)
}

fn name<'p>(value: Value<'p, '_, Torch>, of: &str) -> Result<&'p str, String> {
    value
        .text()
        .filter(|name| name.len() <= MAX_NAME)
        .ok_or_else(|| format!("expected the name of {of} as text, found {}", value.kind()))
}

fn tensor(value: Value<'_, '_, Torch>) -> Result<TensorView, String> {
    let no_tensor = || format!("expected a tensor, found {}", value.kind());
    let mut call = value.call().ok_or_else(no_tensor)?;
    if call.callable == Torch::RebuildParameter {
        // `_rebuild_parameter(tensor, requires_grad, backward_hooks)`
        call = call.args.tuple_item(0).and_then(Value::call).ok_or_else(no_tensor)?;
    }
    if call.callable != Torch::RebuildTensor {
        return Err(no_tensor());
    }
    // `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks, metadata?)`
    let arg =
        |index| call.args.tuple_item(index).ok_or("expected a tensor's storage, offset, size and stride");
    let id = arg(0)?.persistent_id().ok_or("expected a tensor's storage")?;
    let shape = arg(2)?.sizes().ok_or("expected a tensor's size as a tuple of integers")?;
    let strides = arg(3)?.sizes().ok_or("expected a tensor's stride as a tuple of integers")?;
    if shape.len() != strides.len() {
        return Err(format!(
            "expected a stride for each of {} dimensions, found {}",
            shape.len(),
            strides.len()
        ));
    }
    let offset = arg(1)?.size().ok_or("expected a tensor's offset as an integer")?;
    Ok(TensorView { storage: storage(id)?, offset, shape, strides })
}

/// `("storage", class, key, location, number of elements)`; the older format adds the metadata of a
/// view, which PyTorch has not written since 0.4.
fn storage(id: Value<'_, '_, Torch>) -> Result<StorageRef, String> {
    let part = |index| id.tuple_item(index).ok_or("expected a storage's class, key, location and length");
    if part(0)?.text() != Some("storage") {
        return Err("expected a storage, found another object stored elsewhere".into());
    }
    let Some(Torch::Storage(element)) = part(1)?.global() else {
        return Err("expected a storage's class".into());
    };
    let key = name(part(2)?, "a storage")?.to_owned();
    let len = part(4)?.size().ok_or("expected a storage's length as an integer")?;
    if id.tuple_item(5).is_some_and(|view| !view.is_none()) {
        return Err("expected a whole storage, found a view of another".into());
    }
    Ok(StorageRef { key, element, len })
}
