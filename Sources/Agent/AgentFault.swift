/// Why the agent cannot run. The text is for the operator.
package struct AgentFault: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
