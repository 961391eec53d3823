//! The opcodes that push a number or a string.

use std::borrow::Cow;

use super::Machine;
use super::calls::shown;
use crate::pickle::node::Node;
use crate::pickle::rules::PickleError;
use crate::pickle::{opcode as op, text};

impl<'f, G: Copy> Machine<'f, '_, G> {
    /// Pushes a number or a string; refuses every opcode that is left.
    pub(super) fn scalar(&mut self, opcode: u8) -> Result<(), PickleError> {
        let node = match opcode {
            op::NONE => Node::None,
            op::NEWTRUE => Node::Bool(true),
            op::NEWFALSE => Node::Bool(false),
            op::BININT => Node::Int(i64::from(self.reader.i32()?)),
            op::BININT1 => Node::Int(i64::from(self.reader.u8()?)),
            op::BININT2 => Node::Int(i64::from(self.reader.u16()?)),
            op::INT => self.int_line()?,
            op::LONG => Node::Int(self.reader.number("L")?),
            op::LONG1 => {
                let len = u64::from(self.reader.u8()?);
                Node::Long(self.reader.take(len)?)
            }
            op::LONG4 => {
                let len = self.reader.signed_len()?;
                Node::Long(self.reader.take(len)?)
            }
            op::FLOAT => {
                self.reader.number::<f64>("")?;
                Node::Float
            }
            op::BINFLOAT => {
                self.reader.take(8)?;
                Node::Float
            }
            op::STRING => {
                let line = self.reader.long_line()?;
                let bytes =
                    text::string_literal(line).ok_or_else(|| self.error("expected a quoted string"))?;
                Node::Bytes(bytes)
            }
            op::UNICODE => {
                let line = self.reader.long_line()?;
                let text = text::raw_unicode_escape(line)
                    .ok_or_else(|| self.error("expected text with \\u escapes, found a broken escape"))?;
                Node::Text(Cow::Owned(text))
            }
            op::SHORT_BINSTRING
            | op::SHORT_BINBYTES
            | op::BINSTRING
            | op::BINBYTES
            | op::BINBYTES8
            | op::BYTEARRAY8 => {
                let len = self.len(opcode)?;
                Node::Bytes(Cow::Borrowed(self.reader.take(len)?))
            }
            op::SHORT_BINUNICODE | op::BINUNICODE | op::BINUNICODE8 => {
                let len = self.len(opcode)?;
                let bytes = self.reader.take(len)?;
                let text = std::str::from_utf8(bytes).map_err(|_| self.error("expected text in UTF-8"))?;
                Node::Text(Cow::Borrowed(text))
            }
            _ => {
                return Err(self.error(match op::refused(opcode) {
                    Some(name) => format!("expected plain data, found the opcode {name}"),
                    None => format!("expected an opcode, found the byte 0x{opcode:02x}"),
                }));
            }
        };
        self.push(node)
    }

    fn len(&mut self, opcode: u8) -> Result<u64, PickleError> {
        match opcode {
            op::SHORT_BINSTRING | op::SHORT_BINBYTES | op::SHORT_BINUNICODE => {
                Ok(u64::from(self.reader.u8()?))
            }
            op::BINSTRING => self.reader.signed_len(),
            op::BINBYTES | op::BINUNICODE => Ok(u64::from(self.reader.u32()?)),
            _ => self.reader.u64(),
        }
    }

    /// `INT` also writes booleans, as `00` and `01`.
    fn int_line(&mut self) -> Result<Node<'f, G>, PickleError> {
        let line = self.reader.line()?;
        match line {
            "00" => Ok(Node::Bool(false)),
            "01" => Ok(Node::Bool(true)),
            _ => line.parse().map(Node::Int).map_err(|_| {
                self.error(format!("expected an integer of 64 bits, found \"{}\"", shown(line)))
            }),
        }
    }
}
