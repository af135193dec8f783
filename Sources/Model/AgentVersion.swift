/// The version of this program.
package enum AgentVersion {
    /// As it is printed, and told to the server.
    package static let current = "0.1.0"
}
