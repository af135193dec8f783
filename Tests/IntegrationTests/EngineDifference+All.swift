extension EngineDifference {
    /// All that is known. Docker's own engines have none.
    static let all: [EngineDifference] = [
        EngineDifference(
            product: .podman, test: "the container is made as it was asked for", shows: ["Domainname", "StopSignal"],
            reason: "it sets no domain name, and shows the stop signal as a number"),
        EngineDifference(
            product: .podman, test: "numbers beyond 53 bits reach the server digit by digit (defect 46)",
            shows: ["9007199254740992"], reason: "it keeps no more than 53 bits of a number itself"),
        EngineDifference(
            product: .podman, test: "each kind of network is the engine's", shows: ["NetworkDisabled"],
            reason: "it does not show that the network is disabled"),
    ]
}
