@_exported import PaperEngine
@_exported import Processes
