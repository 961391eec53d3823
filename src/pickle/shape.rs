//! Refuses cyclic and deeply nested object graphs. Neither a gallery nor a state dict has any.

use super::node::{Id, Node, ObjectGraph};
use super::rules::{MAX_DEPTH, PickleError};

/// State of a node in the depth-first search.
#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    /// On the path from the root; meeting it again is a cycle.
    Open,
    /// Done, with this many levels from here down.
    Done(usize),
}

/// Iterative depth-first search from the root; visits each object once.
pub(super) fn check<G>(pickle: &ObjectGraph<'_, G>) -> Result<(), PickleError> {
    let error = |what: String| Err(PickleError { offset: pickle.len, what });
    let mut states = vec![State::New; pickle.nodes.len()];
    // The path from the root: a node, how many of its children are done, and their deepest level.
    let mut path: Vec<(Id, usize, usize)> = vec![(pickle.root, 0, 0)];
    while let Some((id, next, deepest)) = path.pop() {
        let (Some(node), Some(state)) = (pickle.nodes.get(id.index()), states.get_mut(id.index())) else {
            continue;
        };
        let Some(child) = child(node, next) else {
            *state = State::Done(deepest + 1);
            if let Some((_, _, deepest_of_parent)) = path.last_mut() {
                *deepest_of_parent = (*deepest_of_parent).max(deepest + 1);
            }
            continue;
        };
        *state = State::Open;
        let below = match states.get(child.index()) {
            Some(State::Open) => return error("the structure contains itself; expected no cycle".into()),
            Some(State::Done(levels)) => {
                path.push((id, next + 1, deepest.max(*levels)));
                *levels
            }
            Some(State::New) | None => {
                path.push((id, next + 1, deepest));
                path.push((child, 0, 0));
                0
            }
        };
        if path.len() + below > MAX_DEPTH {
            return error(format!("expected at most {MAX_DEPTH} levels of nesting, found more"));
        }
    }
    Ok(())
}

/// The `index`th object that `node` refers to.
fn child<G>(node: &Node<'_, G>, index: usize) -> Option<Id> {
    let of_pairs = |pairs: &[(Id, Id)], index: usize| {
        pairs.get(index / 2).map(|(key, value)| if index.is_multiple_of(2) { *key } else { *value })
    };
    match node {
        Node::Tuple(items) | Node::List(items) => items.get(index).copied(),
        Node::Dict(pairs) => of_pairs(pairs, index),
        Node::Persistent(id) => (index == 0).then_some(*id),
        Node::Call(call) => match index {
            0 => Some(call.args),
            // Without a state the arguments are looked at twice, which costs nothing: they are done.
            1 => Some(call.state.unwrap_or(call.args)),
            _ => of_pairs(&call.items, index - 2),
        },
        _ => None,
    }
}
