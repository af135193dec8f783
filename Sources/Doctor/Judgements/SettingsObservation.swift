/// What the agent is told to do.
enum SettingsObservation: Sendable, Hashable {
    /// Where it goes first, without what is secret in it.
    case usable(server: String, warnings: [String])
    /// A sentence.
    case unusable(String)
    /// The file with authorities to trust.
    case badAuthorities(String)

    func finding() -> Diagnosis {
        switch self {
        case .usable(let server, let warnings) where warnings.isEmpty: .ok("The agent goes to \(server).")
        case .usable(let server, let warnings):
            .warning(
                "The agent goes to \(server). \(warnings.joined(separator: ". ")).",
                "Correct these settings, or take them away.")
        case .unusable(let reason):
            .failure(
                reason,
                "Give the URL with --url, or set CATTLE_REGISTRATION_URL or CATTLE_URL as the agent has it; inside the "
                    + "agent's container they are set.")
        case .badAuthorities(let reason):
            .failure(
                "The file with authorities to trust cannot be used: \(reason).",
                "Name a file of PEM certificates in CATTLE_CA_FILE, or take the setting away.")
        }
    }
}
