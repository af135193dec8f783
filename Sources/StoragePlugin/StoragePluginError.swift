/// Why a call to a storage plug-in failed, and whether it may have taken effect all the same.
package struct StoragePluginError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is certain about the call.
    package enum Kind: Sendable, Hashable {
        /// Nobody took the call: it did not happen.
        case unreachable
        /// The call was cut, timed out or not answered in a readable way: nobody knows.
        case unknown
        /// The plug-in answered, and it was no success, or one that cannot be used.
        case refused
    }

    package let kind: Kind
    /// One line for people, naming call, volume and driver.
    package let message: String

    /// Makes one line of the message, whatever it quotes, and no long one.
    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        let line = message.unicodeScalars.prefix(Self.messageLimit).map {
            $0.value < 0x20 || $0.value == 0x7F ? " " : $0
        }
        self.message = String(String.UnicodeScalarView(line))
    }

    /// A plug-in may put a whole log into its error; nobody reads on after this many characters.
    static let messageLimit = 2000

    package var description: String { message }
}
