# Passed as -DCMAKE_PROJECT_INCLUDE when interface packages are built against the ROS 2 wheels.
#
# The exported targets of those wheels name include folders of the machine that built them
# (/opt/python/...), and CMake refuses an imported target whose include folder does not exist.
# At the end of the configure step this removes such folders from every imported target.
# On a complete ROS 2 installation every folder exists, so nothing changes there.

function(introspect_forget_missing_includes)
  get_property(targets DIRECTORY "${CMAKE_SOURCE_DIR}" PROPERTY IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(folders ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(NOT folders)
      continue()
    endif()
    set(existing "")
    foreach(folder IN LISTS folders)
      # A generator expression ("$<...>") cannot be judged here; keep it.
      if(EXISTS "${folder}" OR folder MATCHES "^\\$<")
        list(APPEND existing "${folder}")
      endif()
    endforeach()
    set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${existing}")
  endforeach()
endfunction()

cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL introspect_forget_missing_includes)
