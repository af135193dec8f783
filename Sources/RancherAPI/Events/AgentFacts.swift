/// What servers of dialect B leave to the agent to add to what they say (PROTOCOL 6.5, 5.2.1, 5.13).
package struct AgentFacts: Sendable {
    /// The proxy settings of the agent's own environment, by the variables' names: for system containers.
    package var proxyVariables: [String: String] = [:]
    /// Where agent instances get their configuration; empty if unknown.
    package var configurationURL: @Sendable () -> String = { "" }
    /// The port that agent instances on this host are to use if that is this host itself.
    package var proxyPort = 9342
    /// The address of this host as it is reported with a container's ports.
    package var hostAddress: @Sendable () -> String = { "" }
    /// Whether the item `pyagent` of a configuration is updated like any other.
    package var updatesAgent = true

    /// Those of an agent that was told nothing.
    package init() {}

    /// The names of the proxy settings.
    package static let proxyVariableNames = [
        "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY",
    ]
}
