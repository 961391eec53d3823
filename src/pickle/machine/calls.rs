//! Opcodes of globals and calls. Globals are looked up in the caller's allowlist; calls are recorded, not executed.

use std::borrow::Cow;

use super::Machine;
use crate::pickle::node::{CallNode, Id, Node};
use crate::pickle::opcode as op;
use crate::pickle::rules::PickleError;

/// Largest number of characters of a name in a message.
const MAX_SHOWN: usize = 80;

impl<G: Copy> Machine<'_, '_, G> {
    pub(super) fn global(&mut self, opcode: u8) -> Result<(), PickleError> {
        let node = if opcode == op::GLOBAL {
            let (module, name) = (self.reader.line()?, self.reader.line()?);
            self.resolve(module, name)?
        } else {
            let (name, module) = (self.pop()?, self.pop()?);
            match (self.nodes.get(module.index()), self.nodes.get(name.index())) {
                (Some(Node::Text(module)), Some(Node::Text(name))) => self.resolve(module, name)?,
                _ => return Err(self.error("expected a global's module and name as text")),
            }
        };
        self.push(Node::Global(node))
    }

    fn resolve(&self, module: &str, name: &str) -> Result<G, PickleError> {
        (self.rules.resolve)(module, name).ok_or_else(|| {
            self.error(format!(
                "names the global {}.{}; expected only {}. Nothing was run",
                shown(module),
                shown(name),
                self.rules.expected
            ))
        })
    }

    /// Records a call: `REDUCE` and `NEWOBJ` find callable and arguments on the stack, `INST` and `OBJ`
    /// (protocols 0 and 1) the arguments after a mark.
    pub(super) fn call(&mut self, opcode: u8) -> Result<(), PickleError> {
        let (callable, args) = match opcode {
            op::INST => {
                let (module, name) = (self.reader.line()?, self.reader.line()?);
                let callable = self.resolve(module, name)?;
                let items = self.pop_to_mark()?;
                (callable, self.add(Node::Tuple(items))?)
            }
            op::OBJ => {
                let mut items = self.pop_to_mark()?;
                if items.is_empty() {
                    return Err(self.error("expected a class, found nothing"));
                }
                let class = items.remove(0);
                (self.callable(class)?, self.add(Node::Tuple(items))?)
            }
            _ => {
                let (args, callable) = (self.pop()?, self.pop()?);
                if !matches!(self.nodes.get(args.index()), Some(Node::Tuple(_))) {
                    return Err(self.error("expected a call's arguments as a tuple"));
                }
                (self.callable(callable)?, args)
            }
        };
        self.push(Node::Call(Box::new(CallNode { callable, args, state: None, items: Vec::new() })))
    }

    fn callable(&self, id: Id) -> Result<G, PickleError> {
        match self.nodes.get(id.index()) {
            Some(Node::Global(global)) => Ok(*global),
            _ => Err(self.error("expected an allowed global to be called, found something else")),
        }
    }

    pub(super) fn build(&mut self) -> Result<(), PickleError> {
        let state = self.pop()?;
        let object = self.top()?;
        match self.nodes.get_mut(object.index()) {
            Some(Node::Call(call)) if call.state.is_none() => {
                call.state = Some(state);
                Ok(())
            }
            _ => Err(self.error("expected a new object to give its state to, found something else")),
        }
    }

    pub(super) fn persistent(&mut self, opcode: u8) -> Result<(), PickleError> {
        if !self.rules.persistent_ids {
            return Err(self.error("names an object stored elsewhere; expected plain data"));
        }
        let id = if opcode == op::PERSID {
            let line = self.reader.line()?;
            self.add(Node::Text(Cow::Borrowed(line)))?
        } else {
            self.pop()?
        };
        self.push(Node::Persistent(id))
    }
}

/// Escapes and truncates a name from an untrusted file, for a message.
pub(super) fn shown(name: &str) -> String {
    name.chars().take(MAX_SHOWN).flat_map(char::escape_debug).collect()
}
