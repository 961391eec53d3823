//! The bytes of a connection, plain TCP or TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

/// First byte of a TLS handshake: the type of its record (RFC 8446, section 5.1). No HTTP request begins with it.
const HANDSHAKE_RECORD: u8 = 22;
/// Body of the response to a plaintext HTTP request where TLS is expected.
const EXPECTED_HTTPS: &str = "expected HTTPS, found HTTP: use https:// in the URL\n";
/// Bytes of such a request that are read before the connection is closed: unread ones would have the system discard
/// the response.
const MAX_DISCARDED_BYTES: usize = 64 * 1024;

/// A connection. The TLS handshake is made by the first read, so that the timeout of the first request and the end of
/// the service cover it.
pub(super) enum Stream {
    /// In the clear.
    Plain(TcpStream),
    /// Its first byte has not come.
    Undecided(Option<(TcpStream, TlsAcceptor)>),
    /// In the handshake.
    Handshake(Box<Accept<TcpStream>>),
    /// Within TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Within TLS where there is an acceptor.
    pub(super) fn new(stream: TcpStream, acceptor: Option<TlsAcceptor>) -> Self {
        match acceptor {
            Some(acceptor) => Self::Undecided(Some((stream, acceptor))),
            None => Self::Plain(stream),
        }
    }

    /// Completes the handshake, if there is one.
    fn poll_handshake(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self {
                Self::Plain(_) | Self::Tls(_) => return Poll::Ready(Ok(())),
                Self::Undecided(undecided) => {
                    let (stream, _) = undecided.as_ref().ok_or(io::ErrorKind::NotConnected)?;
                    let begins_handshake = ready!(poll_handshake_begins(stream, context))?;
                    let (stream, acceptor) = undecided.take().ok_or(io::ErrorKind::NotConnected)?;
                    if !begins_handshake {
                        refuse_plain(&stream);
                        return Poll::Ready(Err(io::Error::new(
                            io::ErrorKind::InvalidData,
                            "expected TLS, found something else",
                        )));
                    }
                    *self = Self::Handshake(Box::new(acceptor.accept(stream)));
                }
                Self::Handshake(accept) => {
                    let stream = ready!(Pin::new(accept.as_mut()).poll(context))?;
                    *self = Self::Tls(Box::new(stream));
                }
            }
        }
    }

    /// The stream for data, after the handshake.
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Pin<&mut dyn ReadWrite>>> {
        ready!(self.poll_handshake(context))?;
        Poll::Ready(match self {
            Self::Plain(stream) => Ok(Pin::new(stream)),
            Self::Tls(stream) => Ok(Pin::new(stream.as_mut())),
            Self::Undecided(_) | Self::Handshake(_) => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

/// What both kinds of streams are.
trait ReadWrite: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> ReadWrite for T {}

/// Whether the client begins with a TLS handshake; an error when it has gone.
fn poll_handshake_begins(stream: &TcpStream, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
    let mut first = [0];
    match ready!(stream.poll_peek(context, &mut ReadBuf::new(&mut first)))? {
        0 => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
        _ => Poll::Ready(Ok(first[0] == HANDSHAKE_RECORD)),
    }
}

/// Says what was expected, as far as that is possible without waiting.
fn refuse_plain(stream: &TcpStream) {
    let mut discarded = vec![0; MAX_DISCARDED_BYTES];
    // The connection ends either way.
    let _ = stream.try_read(&mut discarded);
    let response = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{EXPECTED_HTTPS}",
        EXPECTED_HTTPS.len()
    );
    let _ = stream.try_write(response.as_bytes());
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.get_mut().poll_open(context))?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.get_mut().poll_open(context))?.poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.get_mut().poll_open(context))?.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.get_mut().poll_open(context))?.poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.get_mut().poll_open(context))?.poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            // As rustls's stream, which takes several parts into one record.
            _ => true,
        }
    }
}
