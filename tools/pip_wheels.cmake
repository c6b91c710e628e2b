# Passed as -DCMAKE_PROJECT_INCLUDE when interface packages are built against the ROS 2 wheels.
# Both functions run at the end of the configure step and leave CMakeLists.txt the standard one.

# The exported targets of the wheels name include folders of the machine that built them
# (/opt/python/...), and CMake refuses an imported target whose include folder does not exist.
# Forget those folders. On a complete ROS 2 installation all exist, so nothing changes there.
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

# Each type support is some thirty small C++ files that include the same large headers.
# Compiling them as one file per library is several times faster.
function(introspect_compile_type_supports_at_once)
  get_property(targets DIRECTORY "${CMAKE_SOURCE_DIR}" PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    if(target MATCHES "^${PROJECT_NAME}__rosidl_typesupport_(cpp|introspection_cpp|fastrtps_c|fastrtps_cpp)$")
      set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
    endif()
  endforeach()
endfunction()

cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL introspect_forget_missing_includes)
cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL introspect_compile_type_supports_at_once)
