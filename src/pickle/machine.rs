//! The stack machine: executes the opcodes of a pickle.

use std::collections::HashMap;

use super::node::{Id, Node, ObjectGraph};
use super::opcode as op;
use super::reader::Reader;
use super::rules::{MAX_OBJECTS, PickleError, Rules};

mod calls;
mod scalars;

/// Highest pickle protocol.
const HIGHEST_PROTOCOL: u8 = 5;
/// Largest number of open marks.
const MAX_MARKS: usize = 1024;

/// Runs the pickle at the start of `bytes`.
pub(super) fn run<'f, G: Copy>(
    bytes: &'f [u8],
    rules: &Rules<'_, G>,
) -> Result<ObjectGraph<'f, G>, PickleError> {
    let mut machine = Machine {
        reader: Reader::new(bytes),
        rules,
        nodes: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        references: 0,
    };
    loop {
        let opcode = machine.reader.u8()?;
        if opcode == op::STOP {
            return machine.finish();
        }
        machine.step(opcode)?;
    }
}

struct Machine<'f, 'r, G> {
    reader: Reader<'f>,
    rules: &'r Rules<'r, G>,
    nodes: Vec<Node<'f, G>>,
    stack: Vec<Id>,
    /// Heights of the stack at the open marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    /// Number of uses of memoised objects.
    references: usize,
}

impl<'f, G: Copy> Machine<'f, '_, G> {
    fn finish(mut self) -> Result<ObjectGraph<'f, G>, PickleError> {
        let root = self.pop()?;
        if !self.stack.is_empty() || !self.marks.is_empty() {
            return Err(
                self.error(format!("expected one object at the end, found {} more", self.stack.len()))
            );
        }
        Ok(ObjectGraph { nodes: self.nodes, root, len: self.reader.position() })
    }

    fn step(&mut self, opcode: u8) -> Result<(), PickleError> {
        match opcode {
            op::PROTO => self.protocol(),
            op::FRAME => {
                let len = self.reader.u64()?;
                self.reader.expect(len)
            }
            op::MARK => self.mark(),
            op::POP => self.pop_or_unmark(),
            op::POP_MARK => self.pop_to_mark().map(drop),
            op::DUP => {
                let top = self.top()?;
                self.use_again(top)
            }
            op::GET | op::BINGET | op::LONG_BINGET => self.get(opcode),
            op::PUT | op::BINPUT | op::LONG_BINPUT | op::MEMOIZE => self.put(opcode),
            op::EMPTY_LIST => self.push(Node::List(Vec::new())),
            op::EMPTY_DICT => self.push(Node::Dict(Vec::new())),
            op::EMPTY_TUPLE => self.push(Node::Tuple(Vec::new())),
            op::TUPLE1 => self.tuple(1),
            op::TUPLE2 => self.tuple(2),
            op::TUPLE3 => self.tuple(3),
            op::TUPLE => {
                let items = self.pop_to_mark()?;
                self.push(Node::Tuple(items))
            }
            op::LIST => {
                let items = self.pop_to_mark()?;
                self.push(Node::List(items))
            }
            op::DICT => {
                let items = self.pop_to_mark()?;
                let pairs = self.pairs(&items)?;
                self.push(Node::Dict(pairs))
            }
            op::APPEND => {
                let item = self.pop()?;
                self.append(&[item])
            }
            op::APPENDS => {
                let items = self.pop_to_mark()?;
                self.append(&items)
            }
            op::SETITEM => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set_items(&[(key, value)])
            }
            op::SETITEMS => {
                let items = self.pop_to_mark()?;
                let pairs = self.pairs(&items)?;
                self.set_items(&pairs)
            }
            op::GLOBAL | op::STACK_GLOBAL => self.global(opcode),
            op::REDUCE | op::NEWOBJ | op::INST | op::OBJ => self.call(opcode),
            op::BUILD => self.build(),
            op::PERSID | op::BINPERSID => self.persistent(opcode),
            _ => self.scalar(opcode),
        }
    }

    fn protocol(&mut self) -> Result<(), PickleError> {
        let protocol = self.reader.u8()?;
        if protocol > HIGHEST_PROTOCOL {
            return Err(
                self.error(format!("expected pickle protocol 0 to {HIGHEST_PROTOCOL}, found {protocol}"))
            );
        }
        Ok(())
    }

    fn get(&mut self, opcode: u8) -> Result<(), PickleError> {
        let slot = self.slot(opcode)?;
        let id = self.memo.get(&slot).copied();
        let id = id.ok_or_else(|| self.error(format!("memo {slot} is used before it is set")))?;
        self.use_again(id)
    }

    fn put(&mut self, opcode: u8) -> Result<(), PickleError> {
        let slot = if opcode == op::MEMOIZE { self.memo.len() as u32 } else { self.slot(opcode)? };
        let id = self.top()?;
        if self.memo.len() >= MAX_OBJECTS {
            return Err(self.error(format!("expected at most {MAX_OBJECTS} remembered objects, found more")));
        }
        self.memo.insert(slot, id);
        Ok(())
    }

    fn slot(&mut self, opcode: u8) -> Result<u32, PickleError> {
        match opcode {
            op::BINGET | op::BINPUT => Ok(u32::from(self.reader.u8()?)),
            op::LONG_BINGET | op::LONG_BINPUT => self.reader.u32(),
            _ => self.reader.number(""),
        }
    }

    fn append(&mut self, items: &[Id]) -> Result<(), PickleError> {
        let list = self.top()?;
        match self.nodes.get_mut(list.index()) {
            Some(Node::List(list)) => {
                list.extend_from_slice(items);
                Ok(())
            }
            _ => Err(self.error("expected a list to append to, found something else")),
        }
    }

    fn set_items(&mut self, pairs: &[(Id, Id)]) -> Result<(), PickleError> {
        let dict = self.top()?;
        let target = match self.nodes.get_mut(dict.index()) {
            Some(Node::Dict(target)) => target,
            Some(Node::Call(call)) => &mut call.items,
            _ => return Err(self.error("expected a dict to put items into, found something else")),
        };
        target.extend_from_slice(pairs);
        Ok(())
    }

    fn pairs(&self, items: &[Id]) -> Result<Vec<(Id, Id)>, PickleError> {
        let (pairs, odd) = items.as_chunks::<2>();
        if !odd.is_empty() {
            return Err(self.error("expected keys and values in pairs, found a key without a value"));
        }
        Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect())
    }

    fn tuple(&mut self, len: usize) -> Result<(), PickleError> {
        let start = self.stack.len().checked_sub(len).filter(|start| *start >= self.floor());
        let start = start.ok_or_else(|| self.underflow())?;
        let items = self.stack.split_off(start);
        self.push(Node::Tuple(items))
    }

    fn mark(&mut self) -> Result<(), PickleError> {
        if self.marks.len() >= MAX_MARKS {
            return Err(self.error(format!("expected at most {MAX_MARKS} open marks, found more")));
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, PickleError> {
        let mark = self.marks.pop().ok_or_else(|| self.error("expected a mark on the stack, found none"))?;
        // A mark is never above the stack: pops stop at the last mark.
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn pop_or_unmark(&mut self) -> Result<(), PickleError> {
        if self.stack.len() == self.floor() && self.marks.pop().is_some() {
            return Ok(());
        }
        self.pop().map(drop)
    }

    /// Stack height at the last mark. Opcodes must not pop below it.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<Id, PickleError> {
        if self.stack.len() <= self.floor() {
            return Err(self.underflow());
        }
        self.stack.pop().ok_or_else(|| self.underflow())
    }

    fn top(&self) -> Result<Id, PickleError> {
        self.stack.last().copied().filter(|_| self.stack.len() > self.floor()).ok_or_else(|| self.underflow())
    }

    fn push(&mut self, node: Node<'f, G>) -> Result<(), PickleError> {
        let id = self.add(node)?;
        self.stack.push(id);
        Ok(())
    }

    fn use_again(&mut self, id: Id) -> Result<(), PickleError> {
        if self.references >= MAX_OBJECTS {
            return Err(
                self.error(format!("expected at most {MAX_OBJECTS} uses of remembered objects, found more"))
            );
        }
        self.references += 1;
        self.stack.push(id);
        Ok(())
    }

    fn add(&mut self, node: Node<'f, G>) -> Result<Id, PickleError> {
        if self.nodes.len() >= MAX_OBJECTS {
            return Err(self.error(format!("expected at most {MAX_OBJECTS} objects, found more")));
        }
        let id = Id(self.nodes.len() as u32);
        self.nodes.push(node);
        Ok(id)
    }

    fn underflow(&self) -> PickleError {
        self.error("expected an object on the stack, found none")
    }

    fn error(&self, what: impl Into<String>) -> PickleError {
        self.reader.error(what)
    }
}
