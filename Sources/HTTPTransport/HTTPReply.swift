package import NIOHTTP1

/// An answer, whatever its status.
package struct HTTPReply: Sendable {
    package let head: HTTPResponseHead
    /// All of it; of a refusal as much as could be had. Empty if it is still to come in ``stream``.
    package let body: [UInt8]
    /// The body of an answer that was asked for as a stream, unless that is a refusal. Whoever has it closes it.
    package let stream: HTTPStream?
}
