import Model
import NIOCore

/// Puts the fragments of a message together. Pure.
struct MessageAssembler {
    enum Message: Hashable {
        /// A whole message; broken UTF-8 is repaired.
        case text(String)
        /// A message beyond the first limit, with whom to answer if that could be found out.
        case oversized(EventHeader?)
        /// A message beyond the second limit: it is not worth reading to its end.
        case excessive
        /// The sender does not keep to RFC 6455.
        case violation(String)
    }

    enum Fragment { case first, next }

    private enum State {
        /// Between two messages.
        case idle
        /// Inside a message that still fits.
        case collecting(ByteBuffer)
        /// Inside a message that does not fit; its size so far.
        case skimming(EnvelopeSkimmer, bytes: Int)
    }

    /// Up to here a message is handed on.
    let messageLimitBytes: Int
    /// Up to here a message is read to its end, to learn whom to answer.
    let skimLimitBytes: Int
    private var state = State.idle

    init(messageLimitBytes: Int, skimLimitBytes: Int) {
        self.messageLimitBytes = messageLimitBytes
        self.skimLimitBytes = skimLimitBytes
    }

    /// Takes a fragment; a message if this was its last one.
    mutating func append(_ data: ByteBuffer, _ fragment: Fragment, isLast: Bool) -> Message? {
        var collected: ByteBuffer
        switch (state, fragment) {
        case (.idle, .first): collected = ByteBuffer()
        case (.collecting(let soFar), .next):
            // Only one owner, or every fragment costs a copy of all before it.
            state = .idle
            collected = soFar
        case (.skimming(let skimmer, let bytes), .next):
            state = .idle
            return skim(data, skimmer, bytes: bytes, isLast: isLast)
        case (.idle, .next): return .violation("a continuation of nothing")
        case (.collecting, .first), (.skimming, .first): return .violation("a message inside a message")
        }
        guard collected.readableBytes + data.readableBytes <= messageLimitBytes else {
            var skimmer = EnvelopeSkimmer()
            skimmer.append(collected.readableBytesView)
            return skim(data, skimmer, bytes: collected.readableBytes, isLast: isLast)
        }
        if isLast, collected.readableBytes == 0 {
            return .text(String(decoding: data.readableBytesView, as: UTF8.self))
        }
        collected.writeImmutableBuffer(data)
        if isLast { return .text(String(decoding: collected.readableBytesView, as: UTF8.self)) }
        state = .collecting(collected)
        return nil
    }

    private mutating func skim(
        _ data: ByteBuffer, _ skimmer: EnvelopeSkimmer, bytes: Int, isLast: Bool
    ) -> Message? {
        let bytes = bytes + data.readableBytes
        guard bytes <= skimLimitBytes else { return .excessive }
        var skimmer = skimmer
        skimmer.append(data.readableBytesView)
        if isLast { return .oversized(skimmer.header) }
        state = .skimming(skimmer, bytes: bytes)
        return nil
    }
}
