/// Why the agent was not launched, upgraded or installed. The text is for people and says what to do.
package struct BootstrapError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
